"""Forms: the fields and files of a request. Starlette parses them with `python-multipart`, which the service adds."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from importlib import util
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from starlette.datastructures import FormData, Headers
from starlette.exceptions import HTTPException
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from .field_errors import unknown_members
from .media_type import require_form

MALFORMED = 400
LIBRARY = "python_multipart"
REPEATED = frozenset({list, set, tuple, frozenset})

FormT = TypeVar("FormT", bound=BaseModel)


def can_be_read() -> bool:
    """Whether `python-multipart` is installed."""
    return util.find_spec(LIBRARY) is not None


@asynccontextmanager
async def read(request: Request, model: type[FormT]) -> AsyncIterator[FormT]:
    """The form of a request. Its files are closed when the context ends.

    The last value of a repeated field counts; a field that is a list in the model gets all values. A file above 1 MB is
    written to the directory for temporary files. Raises `HTTPException` with 415 for another media type, 400 for a body
    that is not a form, 413 for a body above `MAX_BODY_BYTES`; `ValidationError` for values that the model refuses.
    """
    require_form(request)
    form = await _parsed(request)
    try:
        yield model.model_validate(dict(_values(form, model)), extra=unknown_members(model))
    finally:
        await form.close()


async def _parsed(request: Request) -> FormData:
    from python_multipart.exceptions import FormParserError  # noqa: PLC0415 - only services with a form need it

    is_multipart = request.headers["content-type"].lower().startswith("multipart/")
    try:
        async with aclosing(request.stream()) as stream:
            return await (_WholeParser if is_multipart else FormParser)(request.headers, stream).parse()
    except MultiPartException as error:
        raise HTTPException(MALFORMED, error.message) from None
    except FormParserError:
        raise HTTPException(MALFORMED, "The body must be a form.") from None


class _WholeParser(MultiPartParser):
    """Refuses a body without its closing boundary. Starlette would drop the last part and leave its file open."""

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers, self._whole(stream))
        self._ended = False

    def on_end(self) -> None:
        self._ended = True

    async def _whole(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for part in stream:
            yield part
        if not self._ended:
            msg = "The body must not end before its last boundary."
            raise MultiPartException(msg)


def _values(form: FormData, model: type[BaseModel]) -> Mapping[str, Any]:
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    return {name: form.getlist(name) if _is_repeated(fields.get(name)) else form[name] for name in form}


def _is_repeated(annotation: Any) -> bool:
    if get_origin(annotation) in {Union, UnionType}:  # such as `list[str] | None`
        return any(map(_is_repeated, get_args(annotation)))
    return (get_origin(annotation) or annotation) in REPEATED
