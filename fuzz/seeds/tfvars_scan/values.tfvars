# Everything that a literal can be.
region      = "eu-west-1" # behind a value
password    = "p@ss$${not}%%{not} $ % $$$${x} \"q\" \\ \n\t"   // slashes
unicode     = "\u00e9\U0001F600 é"
/* a block
   of comment */
port = 5432
ratio= 1.50
neg=-3
spaced = - 7
exp  = 1e3
zeros = 007
big = 123456789012345678901234567890
yes = true
no = false
nothing = null
empty = ""
list = [1, "two", true, null,]
lines = [
  "a", # first

  "b" /* second */ ,
  # before the end
]
object = {
  bare = 1
  "quoted key" : "x", 12 = "number"
  inner = { a = [{ b = "c" }, {}, []], d = "e" }
  # nothing behind
}
one_line = { a = 1, b = 2 }
no_list = []
no_object = {
  # but a comment
}
