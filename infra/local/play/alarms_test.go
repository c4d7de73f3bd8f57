package play

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// edited is a command that changes the template's JSON text: each old text becomes the new one, and must be there.
func edited(pairs ...string) string {
	var command strings.Builder
	command.WriteString(`node -e '
		const fs = require("fs"), dir = process.env.CDK_OUTDIR + "/"
		for (const name of fs.readdirSync(dir).filter((name) => name.endsWith(".template.json"))) {
			let text = fs.readFileSync(dir + name, "utf8")
			const replace = (from, to) => {
				if (!text.includes(from)) throw new Error("the template has no " + from)
				text = text.replaceAll(from, to)
			}
`)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&command, "replace(%q, %q)\n", pairs[i], pairs[i+1])
	}
	command.WriteString("fs.writeFileSync(dir + name, text) }'")
	return command.String()
}

// TestEachScenarioTripsItsAlarm plays what each alarm is there for, on real parts: the alarm goes off within a simulated hour, the
// one that pages where a person is needed, and none else.
func TestEachScenarioTripsItsAlarm(t *testing.T) {
	ten := time.Date(2026, 3, 10, 10, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return ten.Add(time.Duration(minutes) * time.Minute) }
	scenarios := []struct {
		name string
		// more changes the app.
		more []string
		// before is what goes wrong, begun at cause.
		before  func(d *day, tick time.Time, by disturbance) disturbance
		options func(*Options)
		cause   time.Time
		// lasts says that the cause does, so that the alarm has to stay on.
		lasts bool
		// want are the ends of the names of the alarms.
		want []string
	}{
		{
			name: "an ordinary morning",
		},
		{
			name: "the vendor is down for a run",
			before: func(d *day, tick time.Time, by disturbance) disturbance {
				switch tick {
				case at(90):
					d.vendors.server.Close()
				case at(120):
					d.vendors.reopen()
				}
				return by
			},
			cause: at(90),
			want:  []string{"a run failed"},
		},
		{
			// No stream learns its watermark, so that staleness tells nothing.
			name: "a secret without its fields",
			before: func(d *day, tick time.Time, by disturbance) disturbance {
				if tick == at(30) {
					arn := d.pipelines[0].secret
					d.services.secrets.Set(arn, lastPart(arn), "{}")
				}
				return by
			},
			cause: at(30),
			want:  []string{"a run failed", "runs fail one after another", "wake somebody"},
		},
		{
			name: "the schedule is disabled",
			before: func(d *day, tick time.Time, by disturbance) disturbance {
				by.unscheduled = !tick.Before(at(90)) && !tick.After(at(150))
				return by
			},
			cause: at(90),
			want:  []string{"no run was started", "wake somebody"},
		},
		{
			name: "more to catch up with than the runs' time allows",
			more: []string{edited(`\"TimeoutSeconds\":86400`, `\"TimeoutSeconds\":2`)},
			before: func(_ *day, tick time.Time, by disturbance) disturbance {
				// What a run that is cut off leaves under way ends long before the next tick.
				if tick.After(at(30)) {
					time.Sleep(2 * time.Second)
				}
				return by
			},
			options: func(o *Options) { o.Attendees, o.latency, o.Until = 60_000, 250*time.Millisecond, at(90) },
			cause:   at(30),
			want:    []string{"data is stale", "wake somebody"},
		},
		{
			name:  "a field that no column declares",
			more:  []string{`for f in "$CDK_OUTDIR"/asset.*/vendor.json; do sed 's/"partnerref"/"partnerref2"/' "$f" > "$f.new"; mv "$f.new" "$f"; done`},
			cause: at(30),
			want:  []string{"there are findings"},
		},
		{
			name:    "a loop of runs",
			options: func(o *Options) { o.Interval, o.Until = 7*time.Second, at(55) },
			cause:   at(0),
			want:    []string{"it costs more than expected", "wake somebody"},
		},
		{
			name: "a tick that cannot be delivered",
			before: func(d *day, tick time.Time, by disturbance) disturbance {
				if tick == at(90) {
					by.runs = 0
				}
				return by
			},
			cause: at(90),
			lasts: true,
			want:  []string{"a start could not be delivered"},
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			var said bytes.Buffer
			options := optionsFor(t, thisApp(t, s.more...), &said)
			options.From, options.Until, options.Attendees = ten, at(240), 300
			options.before = s.before
			if s.options != nil {
				s.options(&options)
			}
			summary, err := Run(t.Context(), options)
			if err != nil {
				t.Fatalf("%v\n%s", err, said.String())
			}
			summary.Print(&said, options.Out)
			var tripped []string
			for _, name := range summary.tripped() {
				tripped = append(tripped, name[strings.Index(name, ": ")+2:])
				// The change's time is the line's beginning.
				clock, err := time.Parse("15:04", summary.Alarms[name].firstTrip())
				if err != nil {
					t.Fatalf("%v in %s", err, summary.Alarms[name].Timeline)
				}
				after := time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute - s.cause.Sub(ten.Truncate(24*time.Hour))
				if after < 0 || after > time.Hour {
					t.Errorf("%s went off %s after the cause", name, after)
				}
				if s.lasts && strings.Contains(summary.Alarms[name].Timeline, "ALARM -> OK") {
					t.Errorf("%s does not stay on:\n%s", name, summary.Alarms[name].Timeline)
				}
			}
			slices.Sort(s.want)
			slices.Sort(tripped)
			if diff := cmp.Diff(s.want, tripped); diff != "" {
				t.Errorf("alarms (-want +got):\n%s\n%s", diff, said.String())
			}
		})
	}
}

// firstTrip is when the alarm went off first, as its timeline writes it.
func (a AlarmSummary) firstTrip() string {
	for line := range strings.Lines(a.Timeline) {
		if strings.Contains(line, "-> ALARM") {
			at, _, _ := strings.Cut(line, " ")
			return at
		}
	}
	return ""
}

// reopen lets the simulated vendors answer again after their server was closed.
func (v *vendors) reopen() {
	listener, err := net.Listen("tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		panic(err)
	}
	v.server = &http.Server{Handler: v}
	go v.server.Serve(listener)
}
