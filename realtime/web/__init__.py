"""Practice in the browser: a page that shows, and a server on this machine that follows and judges.

The page sends camera frames over a WebSocket and draws what comes back over its own live picture, so that
what performers see of themselves waits for nothing. Needs the extra ``[web]``.
"""
