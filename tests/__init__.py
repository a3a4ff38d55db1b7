"""Tests of the repository. Their directories mirror those of the code; `stack` starts the service like a user."""
