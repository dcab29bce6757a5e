NAME = "Conference"
