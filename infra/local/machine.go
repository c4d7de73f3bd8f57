package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	// leastNode is the oldest major version of Node that CDK and the state machine interpreter run on.
	leastNode = 20
	// leastFreeBytes is what a day of the default size leaves (about 300 MB), the helper programs included, with
	// some to spare.
	leastFreeBytes = 1 << 30
)

// checkMachine says everything at once that this machine lacks for a run.
func checkMachine(ctx context.Context, out string) error {
	return errors.Join(checkNode(ctx), checkDisk(out))
}

func checkNode(ctx context.Context) error {
	wanted := fmt.Errorf("Node %d or later is needed, with npm: see https://nodejs.org/en/download", leastNode)
	version, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return fmt.Errorf("node is not found: %w", wanted)
	}
	text := strings.TrimSpace(string(version))
	major, _, _ := strings.Cut(strings.TrimPrefix(text, "v"), ".")
	if number, err := strconv.Atoi(major); err != nil || number < leastNode {
		return fmt.Errorf("node is %s: %w", text, wanted)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("npm is not found: %w", wanted)
	}
	return nil
}

func checkDisk(out string) error {
	dir, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	var system syscall.Statfs_t
	// The folder itself may not be there yet; its nearest parent is on the same disk.
	for syscall.Statfs(dir, &system) != nil && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	if free := system.Bavail * uint64(system.Bsize); free < leastFreeBytes {
		return fmt.Errorf("%s has %d MB free: a run needs %d MB", dir, free>>20, leastFreeBytes>>20)
	}
	return nil
}
