"""The process image's side inside the target: what is watched, found in the way, and captured.

Imports little: what the target has not imported itself is not left in `sys.modules`.
"""
