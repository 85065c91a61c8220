reference = "${var.name}-${lookup({ a = "}" }, "a", "\"")}"
directive = "%{ if true ~}yes%{ else }no%{ endif }"
nested    = "${"${"${1 + 1}"}"}"
doc       = <<-EOT
  ${join(",", [
    "a",
  ])}
  text
EOT
