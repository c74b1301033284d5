"""Write docs/browser-protocol.schema.json from the messages in posesync.realtime.web.practice.protocol."""

import json
from pathlib import Path

from posesync.realtime.web.practice.protocol import schema

if __name__ == "__main__":
    target = Path(__file__).resolve().parent.parent / "docs" / "browser-protocol.schema.json"
    target.write_text(json.dumps(schema(), indent=1) + "\n", encoding="utf-8")
