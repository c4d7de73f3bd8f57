package lambdahost

import (
	"debug/elf"
	"debug/macho"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// checkExecutable says clearly why this machine cannot run a bootstrap, which the kernel would answer with
// "exec format error".
func checkExecutable(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no function at %s: the asset folder must hold an executable named %s", path, bootstrapFile)
	}
	var built string
	if file, err := elf.Open(path); err == nil {
		defer file.Close()
		built = "linux/" + elfArchitectures[file.Machine]
	} else if file, err := macho.Open(path); err == nil {
		defer file.Close()
		built = "darwin/" + machoArchitectures[file.Cpu]
	} else {
		return nil // A script, perhaps; the kernel decides.
	}
	if host := runtime.GOOS + "/" + runtime.GOARCH; built != host {
		return fmt.Errorf("%s is built for %s, this machine is %s: synthesize an environment that builds for the host (-env local does)", path, built, host)
	}
	return nil
}

var elfArchitectures = map[elf.Machine]string{
	elf.EM_X86_64:  "amd64",
	elf.EM_AARCH64: "arm64",
}

var machoArchitectures = map[macho.Cpu]string{
	macho.CpuAmd64: "amd64",
	macho.CpuArm64: "arm64",
}
