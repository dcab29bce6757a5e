"""What process C records. Imports nothing that the interpreter has not already imported itself."""
