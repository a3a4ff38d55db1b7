"""Extensions and servers of Flask users, each used on ``create_app()`` as its manual describes."""
