// Package play runs a synthesized app on this machine through a span of simulated time: it starts the services that the
// functions need, plays the schedule tick by tick against a simulated vendor, and proves at the end that the lake holds
// what the vendor holds.
//
// It knows nothing of any vendor. What there is to run it finds in the cloud assembly, and the vendors' descriptions
// in the functions' assets.
package play

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/privacy"
	"github.com/windrow-data/windrow/functions/vendorapi"
	"github.com/windrow-data/windrow/functions/vendorapi/vendortest"
	"github.com/windrow-data/windrow/infra/local/assembly"
	"github.com/windrow-data/windrow/infra/local/lambdahost"
	"github.com/windrow-data/windrow/infra/local/secrets"
	"github.com/windrow-data/windrow/infra/local/toolcache"
	"github.com/windrow-data/windrow/infra/local/verify"
)

// Options say what to play.
type Options struct {
	// App is the command that synthesizes, run by a shell in the working directory.
	App string
	// Env is the environment, handed to the app as the context env; Context is what it is handed beside it.
	Env     string
	Context map[string]string
	// From and Until bound the simulated time. With Keep, a zero From goes on where the last run ended, and a zero
	// Until is a day after it.
	From, Until time.Time
	// Interval is the distance of ticks; zero takes the assembly's schedules.
	Interval time.Duration
	// Seed and Attendees are the simulation's.
	Seed      uint64
	Attendees int
	// VendorURL is the address of a running vendor, read in place of simulated ones; Secret is then the vendor's
	// secret, a JSON object of strings.
	VendorURL string
	Secret    []byte
	// Past is where a past range begins that is read, and then made again, when the day is over: from there to the
	// day's beginning. Zero reads none.
	Past time.Time
	// Chaos kills functions, stops servers and lets runs overlap, as drawn from ChaosSeed; a few quiet ticks follow on
	// the day.
	Chaos     bool
	ChaosSeed uint64
	// Keep goes on with the data of the last run.
	Keep bool
	// CPUShare holds each function to the share of a processor that its memory has on Lambda.
	CPUShare bool
	// Calm has the simulated vendors answer without faults.
	Calm bool
	// Adjust changes a function before it is hosted: a local app has other time limits than one that is deployed.
	Adjust func(*assembly.Function) error
	// Record is told of each invocation of a stream's functions. They come one after another, though those of several streams
	// would overlap. Where it is nil nothing is recorded.
	Record func(*Invocation) error
	// Encore is called when the day is over and was found right. What it does there stands in no summary.
	Encore func(context.Context, *Stage) error
	// Out is the folder for everything a run leaves.
	Out string
	// Cache is where helper programs are kept.
	Cache toolcache.Cache
	// Screen is told what happens.
	Screen *Screen

	// before changes what happens to a tick; tests play with it what goes wrong.
	before func(d *day, tick time.Time, by disturbance) disturbance
	// latency is how long the simulated vendor takes for a page; zero means pageLatency.
	latency time.Duration
}

// conditions are those of the simulated vendors.
func (o Options) conditions() conditions {
	under := conditions{latency: cmp.Or(o.latency, pageLatency), faultShare: faultShare}
	if o.Calm {
		under.faultShare = 0
	}
	return under
}

// undisturbed reports whether a day is played as it would be in production: none of its alarms may go off.
func (o Options) undisturbed() bool {
	return !o.Chaos && !o.Keep && o.Interval == 0 && o.VendorURL == "" && o.before == nil
}

// state is what a run leaves for one that goes on with its data.
type state struct {
	// From and Until are the simulation's span; Played is the last tick.
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Played    time.Time `json:"played"`
	Seed      uint64    `json:"seed"`
	Attendees int       `json:"attendees"`

	// sameWorld says that the run which left the data simulated the same days.
	sameWorld bool
}

// kept is what stands in the file of the state: with it, the runs of each state machine, and from when on what each of its
// streams has in the lake was simulated as now.
type kept struct {
	state
	Runs  map[string][]verify.Run         `json:"runs"`
	Since map[string]map[string]time.Time `json:"since,omitempty"`
}

// worldUntil is the end of the simulated days: whole ones, so that a day that is played in parts is one day.
func (s state) worldUntil() time.Time {
	const day = 24 * time.Hour
	days := (s.Until.Sub(s.From) + day - 1) / day
	return s.From.Add(days * day)
}

// Run plays. Its error is that of what it needs; whether the lake is right stands in the summary.
func Run(ctx context.Context, o Options) (*Summary, error) {
	began := time.Now()
	// Functions run in folders of their own, where a relative path would lead elsewhere.
	root, err := filepath.Abs(o.Out)
	if err != nil {
		return nil, err
	}
	out := foldersIn(root)
	span, err := o.span(out)
	if err != nil {
		return nil, err
	}
	var simulation *vendors
	address := o.VendorURL
	if address == "" {
		if simulation, err = listenForVendors(); err != nil {
			return nil, err
		}
		defer simulation.close()
		address = simulation.url
	} else if err := checkVendorURL(address); err != nil {
		return nil, fmt.Errorf("-vendor-url %q: %w", address, err)
	}

	helpers, loaded, err := o.prepare(ctx, out, address)
	if err != nil {
		return nil, err
	}
	if err := o.adjust(loaded); err != nil {
		return nil, err
	}
	found, err := pipelines(loaded)
	if err != nil {
		return nil, err
	}
	if !o.Keep {
		if err := out.clear(); err != nil {
			return nil, err
		}
	}
	d := &day{
		options:  o,
		out:      out,
		span:     span,
		began:    span.Played,
		streams:  map[streamID]*StreamSummary{},
		findings: tallies{},
		failures: tallies{},
		events:   map[string]int{},
		invoked:  map[string]time.Time{},
		vendors:  simulation,
		rules:    loaded.EventRules,
	}
	if d.watch, err = newWatch(loaded, out.logs); err != nil {
		return nil, err
	}
	for path, file := range map[string]**os.File{out.published: &d.published, out.deadLetters: &d.deadLettered} {
		if *file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
			return nil, err
		}
		defer (*file).Close()
	}
	running, err := startServices(ctx, helpers, loaded, out, o, d.deliver)
	if err != nil {
		return nil, err
	}
	defer running.close()
	d.services = running
	if err := d.load(ctx, found, simulation); err != nil {
		return nil, err
	}
	if o.Chaos {
		d.chaos = &chaos{services: running, vendors: simulation, struck: map[blowKind]int{}}
	}
	if lambdahost.MemoryReader() == nil {
		o.Screen.Line("memory is not watched: this system does not tell a process's peak")
	}
	if err := d.play(ctx); err != nil {
		return nil, err
	}
	if d.chaos != nil && d.chaos.fault != nil {
		return nil, d.chaos.fault
	}
	if !o.Past.IsZero() {
		if err := d.readPast(ctx); err != nil {
			return nil, err
		}
	}
	o.Screen.Line("comparing the lake with the vendor, record by record" + d.comparedFrom())
	summary, err := d.verify()
	if err != nil {
		return nil, err
	}
	if err := d.writeViews(); err != nil {
		return nil, err
	}
	if err := running.gate.WritePermissions(out.permissions); err != nil {
		return nil, err
	}
	summary.WallSeconds = round(time.Since(began).Seconds())
	if err := summary.write(out.summary); err != nil || o.Encore == nil || !summary.Good() {
		return summary, err
	}
	return summary, o.Encore(ctx, &Stage{Summary: summary, day: d})
}

// span settles what to play, from the options and, with Keep, from where the last run ended.
func (o Options) span(out folders) (state, error) {
	s := state{From: o.From, Until: o.Until, Played: o.From, Seed: o.Seed, Attendees: o.Attendees}
	if o.Keep {
		content, err := os.ReadFile(out.state)
		if errors.Is(err, fs.ErrNotExist) {
			return state{}, fmt.Errorf("-keep: no run has left data in %s: leave the flag out for the first", o.Out)
		}
		if err != nil {
			return state{}, err
		}
		var last state
		if err := json.Unmarshal(content, &last); err != nil {
			return state{}, fmt.Errorf("%s: %w", out.state, err)
		}
		s.From, s.Seed, s.Attendees = last.From, last.Seed, last.Attendees
		s.Played = last.Played
		switch played := last.Played.Format(time.RFC3339); {
		case !o.From.IsZero() && o.From.Before(last.Played):
			return state{}, fmt.Errorf("-from %s: the last run has played up to %s", o.From.Format(time.RFC3339), played)
		case !o.Until.IsZero() && !o.Until.After(last.Played):
			return state{}, fmt.Errorf("-until %s: the last run has played up to %s", o.Until.Format(time.RFC3339), played)
		case !o.From.IsZero():
			s.Played = o.From
		}
		if o.Until.IsZero() {
			s.Until = last.Until
			if !s.Until.After(s.Played) {
				s.Until = s.Played.Add(24 * time.Hour)
			}
		}
		s.sameWorld = s.worldUntil().Equal(last.worldUntil())
	}
	if !s.Until.After(s.Played) {
		return state{}, fmt.Errorf("-from %s and -until %s: want an end after the start", s.Played.Format(time.RFC3339), s.Until.Format(time.RFC3339))
	}
	return s, nil
}

// prepare makes the helper programs while the app is synthesized, and reads the result.
func (o Options) prepare(ctx context.Context, out folders, vendorURL string) (tools, *assembly.Assembly, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type made struct {
		tools tools
		err   error
	}
	ready := make(chan made, 1)
	go func() {
		t, err := makeTools(ctx, o.Cache)
		ready <- made{t, err}
	}()
	o.Screen.Line(fmt.Sprintf("synthesizing %q for the environment %s (compiles CDK the first time: some minutes)", o.App, o.Env))
	appContext := map[string]any{"env": o.Env, "vendorUrl": vendorURL}
	for key, value := range o.Context {
		appContext[key] = value
	}
	err := synthesize(ctx, o.App, out.assembly, appContext)
	if err != nil {
		cancel()
		<-ready
		return tools{}, nil, err
	}
	m := <-ready
	if m.err != nil {
		return tools{}, nil, m.err
	}
	loaded, err := assembly.Load(out.assembly)
	return m.tools, loaded, err
}

// adjust changes the functions of an assembly as it is to be played.
func (o Options) adjust(a *assembly.Assembly) error {
	if o.Adjust == nil {
		return nil
	}
	for i := range a.Functions {
		if err := o.Adjust(&a.Functions[i]); err != nil {
			return fmt.Errorf("function %s: %w", a.Functions[i].Name, err)
		}
	}
	return nil
}

// clear removes what an earlier run has left, and nothing else that may lie in the folder.
func (f folders) clear() error {
	var faults []error
	for _, path := range []string{f.lake, f.attributes, f.logs, f.temp, f.state, f.summary, f.published, f.events, f.deadLetters, f.permissions} {
		faults = append(faults, os.RemoveAll(path))
	}
	faults = append(faults, os.MkdirAll(f.root, 0o755))
	return errors.Join(faults...)
}

// load makes the pipelines ready: secrets, simulated vendors, state machines.
func (d *day) load(ctx context.Context, found []*pipeline, simulation *vendors) error {
	var before kept
	if d.options.Keep {
		content, err := os.ReadFile(d.out.state)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(content, &before); err != nil {
			return fmt.Errorf("%s: %w", d.out.state, err)
		}
	}
	for _, p := range found {
		secret := d.options.Secret
		playing := &playing{pipeline: p, ran: before.Runs[p.machine.ARN]}
		if simulation != nil {
			simulated, accepted, err := simulation.add(p.vendor, vendortest.Size{
				Seed: d.span.Seed, From: d.span.From, Until: d.span.worldUntil(), Attendees: d.span.Attendees, Lateness: vendortest.DocumentedLateness(),
			}, d.options.conditions())
			if err != nil {
				return err
			}
			playing.simulated = simulated
			if secret, err = json.Marshal(accepted); err != nil {
				return err
			}
		}
		if p.secret != "" {
			if len(secret) == 0 {
				return fmt.Errorf("the vendor %s needs a secret with the fields %s: give a JSON file with them by -secret", p.vendor.Name, strings.Join(p.vendor.SecretFields(), ", "))
			}
			d.services.secrets.Set(p.secret, p.secret[strings.LastIndexByte(p.secret, ':')+1:], string(secret))
		}
		if _, known := d.services.secrets.Value(p.privacyKey); p.privacyKey != "" && !known {
			// The team's own, which no template of this assembly makes.
			value, err := secrets.Generated(p.privacyKey, assembly.Generate{PasswordLength: privacy.GeneratedKeyLength, ExcludePunctuation: true})
			if err != nil {
				return err
			}
			d.services.secrets.Set(p.privacyKey, lastPart(p.privacyKey), value)
		}
		for _, machine := range []assembly.StateMachine{p.machine, p.backfill} {
			if machine.ARN == "" {
				continue
			}
			if err := d.services.interpreter.Load(ctx, machine.ARN, []byte(machine.Definition)); err != nil {
				return err
			}
		}
		if d.options.Interval > 0 {
			p.schedule.Rule = assembly.Every(d.options.Interval)
		}
		for i := range p.vendor.Streams {
			stream := &p.vendor.Streams[i]
			f := verify.Folders{
				Raw:     filepath.Join(d.out.lake, p.rawBucket, p.vendor.Name, stream.Name),
				Curated: filepath.Join(d.out.lake, p.curatedBucket, p.vendor.Name, stream.Name),
			}
			watched := &watched{stream: stream, folders: f, puts: map[string][]verify.Put{}, put: map[string]time.Time{}}
			if d.options.Keep {
				if err := watched.goOn(before.Since[p.machine.ARN][stream.Name], d.span.sameWorld); err != nil {
					return err
				}
			}
			playing.watched = append(playing.watched, watched)
			d.streams[streamID{p.machine.ARN, stream.Name}] = &StreamSummary{Vendor: p.vendor.Name, Name: stream.Name}
		}
		d.pipelines = append(d.pipelines, playing)
	}
	return nil
}

// playing is a pipeline under way.
type playing struct {
	*pipeline
	simulated *simulated // nil where a running vendor is read
	watched   []*watched
	// ran are the runs so far.
	ran []verify.Run
}

// watched is one stream's lake, and at which tick each of its objects appeared.
type watched struct {
	stream  *vendorapi.Stream
	folders verify.Folders
	// since is where the comparison begins: zero for genesis, or the watermark at which the world was last drawn for more
	// days. Such a world has other sign-ups in the days before, and other people do the same in them, so that what was read
	// of one world is no measure of the other.
	since time.Time
	puts  map[string][]verify.Put
	put   map[string]time.Time
}

// goOn takes what an earlier run has left, whose comparison began at since.
func (w *watched) goOn(since time.Time, sameWorld bool) error {
	commits, err := w.folders.Commits()
	if err != nil {
		return err
	}
	w.since = since
	if len(commits) > 0 && !sameWorld {
		w.since = commits[len(commits)-1].End
	}
	w.put, err = w.folders.Objects()
	return err
}

// look notes what has appeared by the end of the run that stands for tick, and was begun at a time of this machine's clock.
func (w *watched) look(tick, begun time.Time) error {
	objects, err := w.folders.Objects()
	if err != nil {
		return err
	}
	for path, put := range objects {
		if !w.put[path].Equal(put) {
			w.puts[path] = append(w.puts[path], verify.Put{At: tick, Took: max(0, put.Sub(begun))})
		}
	}
	w.put = objects
	return nil
}

// ticks are the times at which any of the pipelines is run, in order.
func (d *day) ticks() []time.Time {
	var all []time.Time
	for _, p := range d.pipelines {
		all = slices.AppendSeq(all, p.schedule.Rule.Ticks(d.span.Played, d.until()))
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}
