NAME = "grüne Jagdbirne"
