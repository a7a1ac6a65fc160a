"""The resource of a process as a message: the attributes that its spans have, redacted."""

import os

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as Message
from opentelemetry.sdk.resources import Resource, ServiceInstanceIdResourceDetector

from ..identity import Identity
from ..settings import Settings
from ..traces.provider import resource
from ..traces.redaction import clean_attributes


class ProcessResource:
    """The resource of the process that asks. A forked child has a `service.instance.id` of its own, as for spans."""

    def __init__(self, settings: Settings, identity: Identity) -> None:
        """The resource of this process is that of the settings."""
        self._resource = resource(settings, identity)
        self._process, self._message = os.getpid(), _encoded(self._resource)

    def current(self) -> Message:
        """The message. All attributes are text."""
        if os.getpid() != self._process:
            of_child = self._resource.merge(ServiceInstanceIdResourceDetector().detect())
            self._process, self._message = os.getpid(), _encoded(of_child)
        return self._message


def _encoded(found: Resource) -> Message:
    pairs = [KeyValue(key=key, value=AnyValue(string_value=str(value))) for key, value in found.attributes.items()]
    clean_attributes(pairs)
    return Message(attributes=pairs)
