"""Makes the helpers beside this file available to every browser test."""
