a = 1 # one
# a carriage return