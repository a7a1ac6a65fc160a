"""Forms: fields and files of a request. Starlette reads them, with `python-multipart`, which a service adds itself."""

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

from .media_type import require_form

MALFORMED = 400
LIBRARY = "python_multipart"
REPEATED = frozenset({list, set, tuple, frozenset})

FormT = TypeVar("FormT", bound=BaseModel)


def can_be_read() -> bool:
    """Whether the library is installed."""
    return util.find_spec(LIBRARY) is not None


@asynccontextmanager
async def read(request: Request, model: type[FormT]) -> AsyncIterator[FormT]:
    """The form of a request; its files are closed at the end.

    A field given twice counts with its last value, or is a list where the model has one. A file
    above 1 MB is kept in the directory for temporary files. Raises `HTTPException` with 415 for another media type,
    400 for what is no form, 413 for one above `MAX_BODY_BYTES`; `ValidationError` for what the model refuses.
    """
    require_form(request)
    form = await _parsed(request)
    try:
        yield model.model_validate(dict(_values(form, model)))
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
    """Refuses a body that ends before its last boundary. Starlette would leave out its last part, and keep it open."""

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
    if get_origin(annotation) in {Union, UnionType}:  # a list, or None
        return any(map(_is_repeated, get_args(annotation)))
    return (get_origin(annotation) or annotation) in REPEATED
