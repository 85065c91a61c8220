a = "x" # c
b = [
  1,
  "two",
]
c = <<EOT
line
EOT
d = {
  e = true
}
