"""The link from a problem document to its request on the development console, while that is on."""


class ConsoleLink:
    """The address of the console of this process, such as `http://127.0.0.1:9464/console`. Empty while it is off."""

    address = ""

    @classmethod
    def members(cls, trace_id: str) -> dict[str, str]:
        """The member of a problem document that has the link."""
        return {"console": f"{cls.address}/requests/{trace_id}"} if cls.address and trace_id else {}
