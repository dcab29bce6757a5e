import first
import hoards
import holds
import passes
import second
import watched


def handler(event, context):
    try:
        import raises
    except ValueError as error:
        return str(error)
    return raises.__name__
