package play

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/windrow-data/windrow/functions/settings"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/infra/local/assembly"
)

// pipeline is one vendor's part of an assembly: a schedule, the state machine it starts, and the functions which
// that names.
type pipeline struct {
	schedule assembly.Schedule
	machine  assembly.StateMachine
	// backfill reads past ranges with the same functions; its ARN is empty where the pipeline has none.
	backfill assembly.StateMachine
	vendor   *vendorapi.Vendor
	// ingest and preprocess are the streams' names by their functions' names and ARNs.
	ingest, preprocess map[string]string
	rawBucket          string
	curatedBucket      string
	// secret is the ARN of the vendor's secret, empty where it needs none.
	secret string
	// privacyKey is the ARN of the secret with the key of digests, empty where none are made.
	privacyKey string
}

// pipelines finds the pipelines of an assembly by what they are made of, so that no name matters.
func pipelines(a *assembly.Assembly) ([]*pipeline, error) {
	var found []*pipeline
	var faults []error
	for _, schedule := range a.Schedules {
		i := slices.IndexFunc(a.StateMachines, func(m assembly.StateMachine) bool { return m.ARN == schedule.Target })
		if i < 0 {
			continue // It starts something else.
		}
		p := &pipeline{schedule: schedule, machine: a.StateMachines[i], ingest: map[string]string{}, preprocess: map[string]string{}}
		for _, f := range a.Functions {
			if !strings.Contains(p.machine.Definition, `"`+f.ARN+`"`) {
				continue
			}
			for _, other := range a.StateMachines {
				// What makes curated objects, an erasure calls too.
				reads := f.Environment[settings.EnvCuratedBucket] == ""
				if other.ARN != p.machine.ARN && reads && strings.Contains(other.Definition, `"`+f.ARN+`"`) {
					p.backfill = other
				}
			}
			if err := p.add(f); err != nil {
				faults = append(faults, fmt.Errorf("function %s: %w", f.Name, err))
			}
		}
		if p.vendor == nil {
			continue
		}
		found = append(found, p)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("the cloud assembly has no VendorPipeline: no schedule in it starts a state machine with Windrow's functions")
	}
	return found, nil
}

// Kinds of handlers.
const (
	handlerIngest     = "ingest"
	handlerPreprocess = "preprocess"
)

// handlerOf returns the stream that a function, by its name or ARN, works for and which kind of handler it is; of one that is
// none of Windrow's no stream and its name.
func (p *pipeline) handlerOf(function string) (stream, handler string) {
	if stream, ok := p.ingest[function]; ok {
		return stream, handlerIngest
	}
	if stream, ok := p.preprocess[function]; ok {
		return stream, handlerPreprocess
	}
	return "", lastPart(function)
}

func (p *pipeline) add(f assembly.Function) error {
	description, err := os.ReadFile(filepath.Join(f.Dir, settings.VendorFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil // Not one of Windrow's.
	}
	if err != nil {
		return err
	}
	if p.vendor == nil {
		if p.vendor, err = vendorapi.Parse(description); err != nil {
			return fmt.Errorf("%s: %w", settings.VendorFile, err)
		}
	}
	of, err := settings.Parse(func(name string) string { return f.Environment[name] })
	if err != nil {
		return err
	}
	p.rawBucket = of.RawBucket
	role := p.ingest
	if of.CuratedBucket != "" {
		role, p.curatedBucket = p.preprocess, of.CuratedBucket
	} else if of.Secret != "" {
		p.secret = of.Secret
	}
	p.privacyKey = cmp.Or(p.privacyKey, of.PrivacyKeySecret)
	role[f.Name], role[f.ARN] = of.Stream, of.Stream
	return nil
}
