"""The versions of the API. Each operation belongs to one; requests are counted by version.

A version that clients should leave says so in its responses, with `Version("v1", deprecated=date(2027, 1, 1),
successor="v2")`; later also with `sunset`, the date from which on it is no longer served.
"""

from firstlight.versions import Version

V1 = Version("v1")
V2 = Version("v2")
