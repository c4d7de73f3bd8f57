// Command broken does not compile: gobuild's tests read the compiler's complaint.
package main

func main() { undefinedFunction() }
