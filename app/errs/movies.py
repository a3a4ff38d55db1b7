"""What can go wrong with movies."""

from app.errs import curl_examples
from app.errs.error import Error
from app.errs.kinds import Kind


class MovieNotFound(Error):
    """There is no such movie."""

    kind = Kind.NOT_EXIST
    code = "MOVIE_NOT_FOUND"
    client = "Check the external_id; the movie may have been deleted."
    operator = "Nothing to do."
    since = "0.1.0"
    instance = "/v1/movies/8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"
    curl = f"curl -i '{{url}}{instance}' {curl_examples.issued('--subject alice --scope movies:read')}"
