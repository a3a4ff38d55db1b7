"""For each rule, a fault of a server that the rule must detect. A rule without an entry is a defect, and so is one
that passes here."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tests.conformance.mutating_proxy import (
    Call,
    Sabotage,
    adding,
    becomes,
    deaf,
    rendered,
    with_body,
    with_content,
    with_field,
    without,
)
from tests.conformance.wire import Answer

_COUNTER: Final = itertools.count()
MISREAD: Final = adding(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", if_sent=b"bait")
OPEN: Final = Sabotage(keeps_open=True)
UNHEARD: Final = deaf(rb"\r\nIf-None-Match: [^\r]*")
CHALLENGE: Final = "WWW-Authenticate"


def _other_code(body: bytes) -> bytes:
    return re.sub(rb'"code":"[A-Z_]+"', b'"code":"OTHER"', body)


def _changed(body: bytes) -> bytes:
    return body + b" " * (next(_COUNTER) % 50 + 1)


def _chunk(call: Call, answer: Answer) -> Answer | bytes:
    """Send the response in chunks, with or without Content-Length."""
    if answer.status < 200 or not answer.body:
        return answer
    head = rendered(call, with_body(answer, b"")).removesuffix(b"\r\n")
    return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(answer.body), answer.body)


def _echo(call: Call, answer: Answer) -> Answer:
    return with_body(answer, call.request) if call.method == "TRACE" else answer


def _page(_: Call, answer: Answer) -> Answer:
    fields = tuple((name, "text/html" if name == "Content-Type" else value) for name, value in answer.fields)
    page = replace(answer, fields=fields)
    return with_body(page, b"<script>alert(1)</script>") if answer.status >= 400 else answer


def _no_interim(_: Call, answer: Answer) -> Answer | bytes:
    return b"" if answer.status == 100 else answer


def _changed_tag(_: Call, answer: Answer) -> Answer:
    fields = tuple((name, f'"{next(_COUNTER)}"' if name == "ETag" else value) for name, value in answer.fields)
    return replace(answer, fields=fields)


def _lengthened(_: Call, answer: Answer) -> Answer:
    fields = tuple((name, f"{value}0" if name == "Content-Length" else value) for name, value in answer.fields)
    return replace(answer, fields=fields)


RENAMED: Final = with_content(_other_code)

GENERAL: Final[Mapping[str, Sabotage]] = {
    "A01": without(CHALLENGE),
    "A02": with_field(CHALLENGE, 'Bearer realm="candor" error=none', status=401),
    "A03": with_field(CHALLENGE, 'Basic realm="candor"', status=401),
    "A04": with_field(CHALLENGE, 'Bearer error="invalid_token"', status=401),
    "A05": becomes(401, 403),
    "A06": with_field(CHALLENGE, "Bearer", status=401),
    "A07": becomes(401, 200),
    "A08": becomes(401, 200),
    "A09": becomes(200, 401, if_sent=b"Authorization: bearer"),
    "A10": becomes(401, 200),
    "A11": becomes(403, 401),
    "A12": without(CHALLENGE, status=403),
    "A13": becomes(401, 204),
    "A14": becomes(401, 500),
    "B01": becomes(400, 500),
    "B02": becomes(400, 422),
    "B03": becomes(400, 500),
    "B04": becomes(400, 201),
    "B05": becomes(400, 500),
    "B06": becomes(413, 500),
    "B07": becomes(413, 201, if_sent=rb"\r\n[0-9a-f]+\r\n\{"),
    "E01": with_content(lambda _: b"", status=405),
    "E02": with_content(lambda body: re.sub(rb'"status":4', b'"status":2', body)),
    "E03": with_content(lambda body: re.sub(rb'"title":"[^"]*"', b'"title":1', body)),
    "E04": with_content(lambda body: re.sub(rb'"type":"[^"]*"', b'"type":"/nowhere"', body)),
    "E05": with_content(lambda body: re.sub(rb'"title":"', b'"title":"%d' % next(_COUNTER), body)),
    "E06": Sabotage(_page),
    "F01": becomes(400, 200),
    "F02": OPEN,
    "F03": becomes(400, 201),
    "F04": OPEN,
    "F05": becomes(400, 422),
    "F06": becomes(400, 201),
    "F07": becomes(501, 201),
    "F08": becomes(201, 411),
    "F09": becomes(201, 400),
    "F10": becomes(400, 500),
    "F11": becomes(400, 201),
    "F12": becomes(400, 201),
    "F13": becomes(400, 201),
    "F14": adding(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    "F15": becomes(501, 201),
    "G01": becomes(200, 206),
    "G02": becomes(200, 416),
    "G03": becomes(201, 416),
    "G04": becomes(200, 500, if_sent=b"Range: "),
    "H01": becomes(400, 200),
    "H02": becomes(400, 200),
    "H03": becomes(400, 200),
    "H04": Sabotage(_chunk),
    "H05": OPEN,
    "J01": becomes(400, 500),
    "J02": becomes(400, 500),
    "J03": becomes(400, 500),
    "J04": becomes(200, 500),
    "J05": becomes(400, 500),
    "J06": becomes(400, 500),
    "J07": becomes(400, 500),
    "J08": becomes(201, 400),
    "J09": with_content(lambda body: body.replace("\N{GRINNING FACE}".encode(), b"?")),
    "J10": becomes(400, 500),
    "J11": becomes(400, 500),
    "K01": with_field("ETag", "abc"),
    "K02": Sabotage(_changed_tag),
    "K03": UNHEARD,
    "K04": UNHEARD,
    "K05": UNHEARD,
    "K06": becomes(200, 304, if_sent=b"If-None-Match"),
    "K07": without("Cache-Control", status=304),
    "K08": adding(b"{}", status=304),
    "K09": deaf(rb"\r\nIf-Match: [^\r]*"),
    "K10": becomes(200, 412, if_sent=b"If-Match"),
    "K11": becomes(200, 412, if_sent=b"If-Match"),
    "K12": deaf(rb"If-Match: W/", b"If-Match: "),
    "K13": deaf(rb"\r\nIf-Match: [^\r]*"),
    "K14": becomes(404, 200),
    "K15": becomes(200, 304, if_sent=b"If-Modified-Since"),
    "K16": becomes(200, 304, if_sent=b"If-Modified-Since"),
    "K17": becomes(201, 412),
    "K18": becomes(200, 500, if_sent=b"If-"),
    "K19": UNHEARD,
    "K20": UNHEARD,
    "K21": becomes(200, 412, if_sent=b"If-None-Match"),
    "K22": deaf(rb"\r\nIf-Match: [^\r]*"),
    "K23": becomes(200, 412, if_sent=b"If-Match"),
    "K24": deaf(rb"\r\nIf-Match: [^\r]*"),
    "K25": becomes(200, 412, if_sent=b"If-Unmodified-Since"),
    "K26": becomes(200, 412, if_sent=b"If-Unmodified-Since"),
    "K27": becomes(200, 304, if_sent=b"If-Modified-Since"),
    "K28": deaf(rb"\r\nif-none-match: [^\r]*"),
    "L01": becomes(400, 200),
    "L02": becomes(200, 400, if_sent=rb"\A\r\n"),
    "L03": becomes(400, 200),
    "L04": becomes(400, 500),
    "L05": becomes(400, 500),
    "L06": becomes(400, 500),
    "L07": becomes(400, 500),
    "L08": becomes(400, 200),
    "L09": becomes(400, 500),
    "L10": becomes(431, 500),
    "L11": becomes(431, 501),
    "L12": becomes(200, 500, if_sent=b"caf\xe9"),
    "M01": becomes(404, 400),
    "M02": becomes(405, 404),
    "M03": without("Allow"),
    "M04": with_field("Allow", "GET"),
    "M05": with_field("Allow", "GET, POST, PUT", status=405),
    "M06": becomes(200, 405, if_sent=rb"\AHEAD"),
    "M07": adding(b"{}", if_sent=rb"\AHEAD"),
    "M08": without("Content-Type", if_sent=rb"\AHEAD"),
    "M09": with_field("Content-Length", "1", if_sent=rb"\AHEAD"),
    "M10": with_field("Allow", "GET"),
    "M11": without("Accept-Patch"),
    "M12": becomes(405, 200),
    "M13": becomes(400, 200),
    "M14": Sabotage(_echo),
    "M15": becomes(404, 200),
    "M16": with_content(_changed, status=200),
    "N01": becomes(406, 500),
    "N02": with_content(lambda _: b"{}", status=406),
    "N03": becomes(406, 200, if_sent=b"q=0"),
    "N04": becomes(200, 406, if_sent=rb"/\*"),
    "N05": becomes(406, 500),
    "N06": with_field("Content-Encoding", "br"),
    "N07": without("Vary"),
    "N08": with_field("Content-Encoding", "gzip"),
    "N09": becomes(201, 415),
    "N10": becomes(201, 415),
    "N11": becomes(415, 422),
    "N12": becomes(415, 422),
    "N13": becomes(415, 201),
    "N14": becomes(415, 422),
    "N15": without("Accept-Encoding"),
    "N16": without("Accept-Patch"),
    "P01": Sabotage(closes=True),
    "P02": becomes(404, 200),
    "P03": OPEN,
    "P04": without("Connection"),
    **dict.fromkeys(("P05", "P06", "P07", "P08", "P09", "P10", "P11", "P12"), MISREAD),
    "P13": Sabotage(_no_interim),
    "P14": adding(b"HTTP/1.1 200 OK\r\n\r\n"),
    "R01": becomes(201, 200),
    "R02": without("Location"),
    "R03": with_field("Location", "/a b"),
    "R04": with_field("Location", "/nowhere"),
    "R05": becomes(400, 500),
    "R06": becomes(409, 201),
    "R07": with_content(lambda body: body.replace("\N{SNOWMAN}".encode(), b"?")),
    "S01": with_field("Cache-Control", "public, max-age=60"),
    "S02": with_field("Cache-Control", "max-age=soon"),
    "S03": with_field("Cache-Control", "max-age=60", status=401),
    "T01": becomes(200, 400, if_sent=rb"GET http://"),
    "T02": becomes(200, 404, if_sent=rb"%73"),
    "T03": becomes(404, 200),
    "T04": becomes(414, 400),
    "T05": becomes(404, 414, if_sent=b"a{7000}"),
    "T06": becomes(400, 200),
    "T07": becomes(400, 200, if_sent=b"#"),
    "T08": becomes(404, 500),
    "T09": with_field("X-Split", "1"),
    "U01": without("Date"),
    "U02": with_field("Date", "2026-11-21T00:00:00Z"),
    "U03": Sabotage(_lengthened),
    "U04": with_field("Content-Length", "0", status=204),
    "U05": Sabotage(_chunk),
    "U06": with_field("Date", "Sat, 21 Nov 2026 02:11:41 GMT", also=True),
    "U07": with_field("X Y", "1"),
    "U08": without("Content-Type"),
    "U09": with_content(lambda body: body[:-1]),
    "U10": with_content(lambda _: b'{"a": 1, "a": 2}', status=404),
    "U11": with_field("Retry-After", "soon"),
}

CONTRACT: Final[Mapping[str, Sabotage]] = {
    **dict.fromkeys(("W01", "W02", "W03", "W04", "W05", "W06", "W07", "W08", "W09", "W10", "W11", "W15"), RENAMED),
    **dict.fromkeys(("W12", "W13", "W14", "C9a.2", "C17.1", "C17.3", "C18.1", "C20.2", "C21.2", "C21.3"), RENAMED),
    **dict.fromkeys(("C23.1", "C3.1.1"), RENAMED),
    "C1.1": with_content(lambda body: body.replace(b'"kind"', b'"sort"')),
    "C1.2": with_field("Content-Type", "text/html", status=401),
    "C1.3": becomes(200, 404, if_sent=b"GET /errors/"),
    "C1.4": with_field("Location", "http://evil.example/"),
    "C2.1": with_content(lambda body: body + b" " * 4096, status=404),
    "C3.1": with_content(lambda _: b"Traceback (most recent call last)", status=404),
    "C4.1": without("X-Content-Type-Options"),
    "C4.2": without("Request-Id"),
    "C4.3": with_field("Server", "gunicorn/27.0"),
    "C6.1": with_field(CHALLENGE, "Bearer", status=401),
    "C7.1": with_field(CHALLENGE, 'Bearer realm="candor", error="invalid_token"', status=401),
    "C7.2": with_field(CHALLENGE, 'Bearer realm="candor"', status=401),
    "C8.1": with_field(CHALLENGE, 'Bearer realm="candor"', status=403),
    "C7.3": with_field(CHALLENGE, 'Bearer realm="candor"', status=401),
    "C9.1": becomes(401, 400),
    "C9a.1": becomes(415, 400),
    "C9a.3": becomes(401, 400),
    "C11.1": without("Vary"),
    "C11.2": becomes(200, 404, if_sent=b"GET /errors/"),
    "C14.1": with_content(lambda body: body.replace(b'"description":null,', b"")),
    "C14.2": with_content(lambda body: body.replace(b'"total_size"', b'"total"')),
    "C15.1": without("Location"),
    "C16.1": with_field("X-Request-Id", "another-id"),
    "C16.2": with_field("X-Request-Id", "short"),
    "C16.3": with_content(lambda body: body.replace(b'"trace_id"', b'"trace"')),
    "C17.2": with_content(lambda body: re.sub(rb'"next_page_token":"[^"]*"', b'"next_page_token":null', body)),
    "C19.1": with_content(lambda body: body.replace(b'"title"', b'"extra":1,"title"')),
    "C20.1": without("ETag"),
    "C21.1": without("Idempotent-Replayed"),
    "C21.4": becomes(201, 409),
    "C22.1": without("RateLimit"),
    "C22.2": with_field("Retry-After", "1"),
    "C24.1": without("Vary"),
    "C25.1": becomes(404, 308),
}

SABOTAGES: Final[Mapping[str, Sabotage]] = {**GENERAL, **CONTRACT}
