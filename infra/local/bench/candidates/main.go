//go:build ignore

// This program measures one candidate for a piece of the handlers' work: another JSON library, compressor or Parquet library. Each
// candidate is a file beside this one and is built into a program of its own, so that what it adds to a binary is seen too. They have a
// go.mod of their own, since what was not chosen must not be a dependency of Windrow.
//
// It is kept beside the package that embeds and builds it, and left out of that package by the build constraint above.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"
)

// candidate does its work on records, one JSON object a line, and returns how many bytes, values or rows came of it. A file beside
// this one sets it. ready, where it is set, makes what the work begins with, and is not measured.
var (
	candidate func(content []byte) (out int64, err error)
	ready     func(content []byte) error
)

// passes is how often the work is done after once without looking.
const passes = 3

func main() {
	content, err := os.ReadFile(os.Args[1])
	if err == nil && ready != nil {
		err = ready(content)
	}
	var out int64
	if err == nil {
		out, err = candidate(content)
	}
	before := cpu()
	for i := 0; i < passes && err == nil; i++ {
		_, err = candidate(content)
	}
	used := (cpu() - before) / passes
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(map[string]int64{"cpu": int64(used), "bytes": int64(len(content)), "out": out})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func cpu() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// eachLine calls do with each line.
func eachLine(content []byte, do func(line []byte) error) error {
	begin := 0
	for i, b := range content {
		if b != '\n' {
			continue
		}
		if err := do(content[begin:i]); err != nil {
			return err
		}
		begin = i + 1
	}
	return nil
}

// eachPage calls do with as many bytes at once as a page of the vendor's has.
func eachPage(content []byte, do func(page []byte) error) error {
	const size = 70_000
	for begin := 0; begin < len(content); begin += size {
		if err := do(content[begin:min(begin+size, len(content))]); err != nil {
			return err
		}
	}
	return nil
}
