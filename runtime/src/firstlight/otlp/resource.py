"""The resource of a process as a message: the attributes that its spans have, redacted."""

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from ..identity import Identity
from ..settings import Settings
from ..traces.provider import resource
from ..traces.redaction import clean_attributes


def encoded(settings: Settings, identity: Identity) -> Resource:
    """The resource. All its attributes are text."""
    found = resource(settings, identity).attributes
    message = Resource(attributes=[KeyValue(key=k, value=AnyValue(string_value=str(v))) for k, v in found.items()])
    clean_attributes(message.attributes)
    return message
