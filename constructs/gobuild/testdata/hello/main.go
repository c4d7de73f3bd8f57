// Command hello is the smallest handler that gobuild's tests build.
package main

import "fmt"

func main() { fmt.Println("hello") }
