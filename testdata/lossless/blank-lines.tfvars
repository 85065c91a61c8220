

a="x"


