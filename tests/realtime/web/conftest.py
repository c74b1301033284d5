"""The helpers beside this file are at hand in every test of the browser."""
