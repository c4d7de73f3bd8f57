package vendorapi

import "time"

// DefaultBackfillShare is the part of each limit that is kept for backfills where [Vendor.BackfillShare] is left out: ordinary
// runs, whose data is wanted soon, lose little by it, and a past is patient.
const DefaultBackfillShare = 0.15

// LimitOf returns the limit that all requests for the stream keep to: its own, or its share of the account's by weight,
// whichever is lower. Zero means none. What of it a run or a backfill takes is for [Limits] to say.
//
// A share is a whole number of requests in the account's span, so that the shares together are never more than the account has. Of a
// span of seconds too much would be lost by that: a share that is no whole number is then spread evenly, one request after
// the other, and the streams together may come to a few more in a span, not in a minute.
func (v *Vendor) LimitOf(stream string) RateLimit {
	s, err := v.Stream(stream)
	if err != nil {
		return RateLimit{}
	}
	if v.RateLimit == (RateLimit{}) {
		return s.RateLimit
	}
	weights := 0
	for i := range v.Streams {
		weights += v.Streams[i].weight()
	}
	share := v.RateLimit.part(s.weight(), weights)
	if s.RateLimit != (RateLimit{}) && s.RateLimit.perSecond() < share.perSecond() {
		return s.RateLimit
	}
	return share
}

func (s *Stream) weight() int { return max(s.Weight, 1) }

func (v *Vendor) backfillShare() float64 {
	if v.BackfillShare == 0 {
		return DefaultBackfillShare
	}
	return v.BackfillShare
}

func (l RateLimit) perSecond() float64 { return float64(l.Requests) / l.Per.D().Seconds() }

// part returns share of whole of the limit.
func (l RateLimit) part(share, whole int) RateLimit {
	requests, rest := l.Requests*share/whole, l.Requests*share%whole
	if requests == 0 || rest > 0 && l.Per < Duration(time.Minute) {
		return RateLimit{Requests: 1, Per: l.Per * Duration(whole) / Duration(l.Requests*share)}
	}
	return RateLimit{Requests: requests, Per: l.Per}
}

// divide divides the limit between ordinary runs and backfills, whose part is reserve. Whole requests that it cannot be divided
// into go to the backfills.
func (l RateLimit) divide(reserve float64) (ordinary, past RateLimit) {
	kept := min(int(float64(l.Requests)*(1-reserve)+1e-9), l.Requests-1)
	if kept > 0 {
		return RateLimit{Requests: kept, Per: l.Per}, RateLimit{Requests: l.Requests - kept, Per: l.Per}
	}
	// One request after the other, of which each has its part in the time.
	stretched := func(share float64) RateLimit {
		return RateLimit{Requests: 1, Per: Duration(float64(l.Per) / (float64(l.Requests) * share))}
	}
	return stretched(1 - reserve), stretched(reserve)
}

// lane is what one of the lanes of a backfill has of its part.
func (l RateLimit) lane(lanes int) RateLimit {
	if requests := l.Requests / lanes; requests > 0 {
		return RateLimit{Requests: requests, Per: l.Per}
	}
	return RateLimit{Requests: 1, Per: l.Per * Duration(lanes) / Duration(l.Requests)}
}

// within returns the limit over no longer than span, in whole requests, or where these are few one after the other.
func (l RateLimit) within(span time.Duration) RateLimit {
	if l.Per.D() <= span {
		return l
	}
	const few = 10
	if requests := int(float64(l.Requests) * span.Seconds() / l.Per.D().Seconds()); requests >= few {
		return RateLimit{Requests: requests, Per: Duration(span)}
	}
	return RateLimit{Requests: 1, Per: l.Per / Duration(l.Requests)}
}
