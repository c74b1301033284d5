"""Plays the expert's sound at the performer's pace, the count-in and spoken cues."""
