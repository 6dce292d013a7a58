"""What schemathesis does not know itself: how tests/it/admin_api/openapi.rs sends NDJSON."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    return {"data": value if isinstance(value, bytes) else str(value).encode()}
