import stall

print(stall.handler({}, None))
