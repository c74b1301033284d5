"""The parts of a session, in the window and in the browser: settings, log, recording, statistics."""
