"""A function that imports when it is invoked."""


def handler(event, context):
    import plistlib
    import wave

    import glowplug
    import neighbour

    modules = (plistlib, wave, neighbour)
    return {
        "status": glowplug.status(),
        "loaders": {module.__name__: type(module.__loader__).__module__ for module in modules},
        "files": [module.__file__ for module in modules],
        "answer": neighbour.answer(),
    }
