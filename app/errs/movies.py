"""Errors of movies."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind


class MovieNotFound(Error):
    """The movie does not exist."""

    kind = Kind.NOT_EXIST
    code = "MOVIE_NOT_FOUND"
    client = "Check external_id. The movie may have been deleted."
    operator = "No action is needed."
    since = "0.1.0"
    instance = "/v1/movies/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
    curl = f"curl -i '{{url}}{instance}' {curl_examples.issued('--subject alice --scope movies:read')}"
