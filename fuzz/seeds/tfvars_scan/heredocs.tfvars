plain = <<EOT
line 1
  "line" 2 \n $${not} %%{not} $

last
EOT
flush = <<-END
    four
      six
  
    four
  END
empty = <<EOT
EOT
list = [<<A
x
A
  , "y", <<-B
	tab
	B
]
object = {
  cert = <<-PEM
    -----BEGIN
    abc==
    -----END
    PEM
  other = 1
}
