"""The types of fields. They read strictly, and each has a compiled form for writing.

``decode`` converts a JSON value, and ``encode`` converts it back, for marshmallow's ``dump``. The compiled encoder
calls the result of ``compiled`` instead, and leaves values to orjson if orjson renders them in the same way. A law test
compares both.
"""

from app.wire.fields.encodable import MESSAGES as MESSAGES
from app.wire.fields.encodable import REQUIRED as REQUIRED
from app.wire.fields.encodable import Encodable as Encodable
from app.wire.fields.enums import Choice as Choice
from app.wire.fields.enums import EnumName as EnumName
from app.wire.fields.scalars import ANY_TEXT as ANY_TEXT
from app.wire.fields.scalars import Boolean as Boolean
from app.wire.fields.scalars import Integer as Integer
from app.wire.fields.scalars import Money as Money
from app.wire.fields.scalars import Name as Name
from app.wire.fields.scalars import Text as Text
from app.wire.fields.scalars import Uuid as Uuid
from app.wire.fields.structures import JUDGED as JUDGED
from app.wire.fields.structures import Anything as Anything
from app.wire.fields.structures import Listed as Listed
from app.wire.fields.structures import Object as Object
from app.wire.fields.times import Date as Date
from app.wire.fields.times import Timestamp as Timestamp
