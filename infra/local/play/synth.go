package play

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// synthesize runs a CDK app as the CDK command line does, with the context of cdk.json and more, and leaves its cloud
// assembly in dir. The app finds where to write, and its context, in variables of its environment.
func synthesize(ctx context.Context, command, dir string, more map[string]any) error {
	appContext := map[string]any{}
	configuration, err := os.ReadFile("cdk.json")
	if err == nil {
		var file struct {
			Context map[string]any `json:"context"`
		}
		if err := json.Unmarshal(configuration, &file); err != nil {
			return fmt.Errorf("cdk.json: %w", err)
		}
		for name, value := range file.Context {
			appContext[name] = value
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name, value := range more {
		appContext[name] = value
	}
	contextJSON, err := json.Marshal(appContext)
	if err != nil {
		return err
	}
	outdir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(outdir), os.MkdirAll(outdir, 0o755)); err != nil {
		return err
	}
	run := exec.CommandContext(ctx, "sh", "-c", command)
	run.Env = append(os.Environ(),
		"CDK_OUTDIR="+outdir,
		"CDK_CONTEXT_JSON="+string(contextJSON),
		// Node 20 is enough for Windrow; jsii's banner about its age would hide what an app has to say.
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20",
	)
	var said bytes.Buffer
	run.Stdout, run.Stderr = &said, &said
	// The app is several processes deep (sh, go, the app, Node); they end together.
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGTERM) }
	if err := run.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("the app %q does not synthesize (%w):\n%s", command, err, indent(said.String()))
	}
	if _, err := os.Stat(filepath.Join(outdir, "manifest.json")); err != nil {
		return fmt.Errorf("the app %q has written no cloud assembly to $CDK_OUTDIR:\n%s", command, indent(said.String()))
	}
	return nil
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}
