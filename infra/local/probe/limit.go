package probe

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/windrow-data/windrow/functions/vendorapi"
)

// judgeLimit tells what the answers said of a rate limit.
func (p *prober) judgeLimit() {
	described := p.options.Vendor.LimitOf(p.stream.Name)
	says := "none is described"
	if described.Requests > 0 {
		says = strconv.Itoa(described.Requests) + " requests in " + described.Per.String() + " are described"
	}
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(p.wire.limits)) {
		headers = append(headers, name+": "+p.wire.limits[name])
	}
	shown := "no header tells of one"
	if len(headers) > 0 {
		shown = "headers " + strings.Join(headers, ", ")
	}
	took := p.wire.ended.Sub(p.wire.began).Round(100 * time.Millisecond)
	announced, known := announcedLimit(p.wire.limits)
	switch {
	case p.wire.throttled > 0:
		p.add(RateLimit, Differs, "the vendor throttled %d of %d requests in %s, with status 429; %s; %s", p.wire.throttled, p.wire.requests, took, says, shown).
			write("RateLimit: fewer requests, of the account or of the stream, unless others use its credentials at the same time")
	case known && (described.Requests == 0 || perSecond(described) > perSecond(announced)):
		p.add(RateLimit, Differs, "%s; %s", says, shown).
			write("RateLimit: vendorapi.RateLimit{Requests: %d, Per: vendorapi.Duration(%s)}, unless others use the credentials too", announced.Requests, inGo(announced.Per.D()))
	case known:
		p.add(RateLimit, OK, "%s; %s", says, shown)
	default:
		p.add(RateLimit, Unknown, "%s; %s; %d requests in %s were answered", says, shown, p.wire.requests, took)
	}
}

func perSecond(l vendorapi.RateLimit) float64 { return float64(l.Requests) / l.Per.D().Seconds() }

func inGo(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{time.Hour, "time.Hour"}, {time.Minute, "time.Minute"}, {time.Second, "time.Second"}} {
		if d%unit.length == 0 {
			if d == unit.length {
				return unit.name
			}
			return strconv.Itoa(int(d/unit.length)) + "*" + unit.name
		}
	}
	return strconv.Itoa(int(d))
}

// spansOf are the ends of headers' names that say in which time a limit counts, as some gateways write them
// (https://developer.konghq.com/plugins/rate-limiting/).
var spansOf = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// announcedLimit reads the lowest limit whose span is told too: RateLimit-Policy: 100;w=60, or X-RateLimit-Limit-Minute: 100.
func announcedLimit(headers map[string]string) (lowest vendorapi.RateLimit, known bool) {
	consider := func(requests string, per time.Duration) {
		n, err := strconv.Atoi(strings.TrimSpace(requests))
		l := vendorapi.RateLimit{Requests: n, Per: vendorapi.Duration(per)}
		if err == nil && n > 0 && per > 0 && (!known || perSecond(l) < perSecond(lowest)) {
			lowest, known = l, true
		}
	}
	for name, value := range headers {
		name = strings.ToLower(name)
		if strings.HasSuffix(name, "-policy") {
			for policy := range strings.SplitSeq(value, ",") {
				requests, parameters, _ := strings.Cut(policy, ";")
				for parameter := range strings.SplitSeq(parameters, ";") {
					// Later drafts name the policy first and have the quota in q.
					key, text, _ := strings.Cut(strings.TrimSpace(parameter), "=")
					switch key {
					case "q":
						requests = text
					case "w":
						if seconds, err := strconv.Atoi(text); err == nil {
							consider(requests, time.Duration(seconds)*time.Second)
						}
					}
				}
			}
		}
		for unit, per := range spansOf {
			if strings.HasSuffix(name, "limit-"+unit) {
				consider(value, per)
			}
		}
	}
	return lowest, known
}
