"""Extensions and servers that Flask users install, each used on ``create_app()`` the way its manual says."""
