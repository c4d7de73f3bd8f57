package vendortest

import (
	"math"
	"strconv"
	"time"

	_ "time/tzdata" // ON24 writes US Pacific time wherever this runs.
)

// pacific is the zone in which ON24 writes times and reads those without one.
var pacific = func() *time.Location {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		panic(err) // The zones are linked in, see the import.
	}
	return zone
}()

const on24Layout = "2006-01-02T15:04:05-07:00"

func (w *on24World) event(e *webinar, modified, updated time.Time, edition int) []byte {
	r := &w.writer
	r.reset()
	watched, recordings := countBy(e.watched, updated), countBy(e.recordings, updated)
	r.open("eventanalytics", '{')
	r.int("totalregistrants", countBy(e.signedUp, updated))
	r.int("totalattendees", watched+recordings)
	r.int("liveattendees", watched)
	r.int("ondemandattendees", recordings)
	r.int("averageliveminutes", min(watched, 38))
	r.int("totalcumulativeliveminutes", watched*38)
	r.close('}')
	r.int("eventid", e.id)
	r.int("clientid", w.client)
	r.time("goodafter", e.start)
	r.bool("isactive", true)
	r.bool("regrequired", e.number%5 != 4)
	r.text("description", e.title)
	r.text("displaytimezonecd", "America/Los_Angeles")
	r.text("eventtype", "Live Video")
	r.text("category", categories[e.title])
	r.time("createtimestamp", e.created)
	r.text("localelanguagecd", "en")
	r.text("localecountrycd", "US")
	r.time("lastmodified", modified)
	r.time("lastupdated", updated)
	r.flag("iseliteexpired", false)
	r.text("application", "Lead generation")
	r.time("livestart", e.liveStart())
	r.time("liveend", e.liveEnd())
	r.time("archivestart", e.archiveStart())
	r.time("archiveend", e.archiveEnd())
	r.int("scheduledeventduration", minutes(e.end.Sub(e.start)))
	r.text("streamtype", "video")
	r.text("contenttype", "webcast")
	r.text("campaigncode", e.campaign)
	r.bool("istestevent", e.number%17 == 16)
	if edition > 0 {
		r.texts("tags", []string{"spring", "tag " + strconv.Itoa(edition)})
		r.texts("funnelstages", []string{"Awareness"})
	}
	r.open("speakers", '[')
	r.open("", '{')
	r.text("name", e.presenter)
	r.text("title", "PM")
	r.text("company", "Acme")
	r.close('}')
	r.close(']')
	return r.bytes()
}

func (w *on24World) registrant(g registration, at time.Time, edited bool) []byte {
	p, r := &w.people[g.person], &w.writer
	r.reset()
	r.text("firstname", p.first)
	r.text("lastname", p.last)
	r.text("email", p.email)
	r.text("company", p.company)
	title := p.title
	if edited {
		title = "Senior " + title
	}
	r.text("jobtitle", title)
	r.text("city", p.city)
	r.text("state", p.state)
	r.text("zip", p.zip)
	r.text("country", p.country)
	r.text("workphone", p.phone)
	r.text("username", p.username)
	if p.external != "" {
		r.text("exteventusercd", p.external)
	}
	r.text("jobfunction", p.function)
	r.text("companyindustry", p.industry)
	r.text("companysize", p.size)
	r.text("partnerref", g.source())
	r.int("clientid", w.client)
	r.int("eventid", g.event.id)
	r.int("eventuserid", g.user)
	if g.score < 0.5 {
		r.text("std1", "yes")
	}
	r.flag("marketingemail", g.score > 0.7)
	r.flag("eventemail", g.score > 0.1)
	r.text("userprofileurl", "https://example.invalid/lead")
	r.time("createtimestamp", g.at)
	r.time("lastactivity", at)
	r.text("engagementprediction", level(g.score))
	r.text("ipaddress", p.ip)
	r.text("os", "win10")
	r.text("browser", "chrome122")
	r.text("campaigncode", g.event.campaign)
	r.int("sourceeventid", g.event.id)
	r.text("userstatus", g.status())
	if g.score > 0.3 {
		r.text("utmsource", "newsletter")
		r.text("utmmedium", "banner")
		r.text("utmcampaign", "spring")
	}
	r.text("attendeetype", "Virtual")
	return r.bytes()
}

func (g registration) source() string {
	if g.score < 0.6 {
		return "email"
	}
	return "social"
}

func (g registration) status() string {
	switch {
	case g.score > 0.995:
		return "forgotten"
	case g.score > 0.985:
		return "deleted"
	}
	return "active"
}

func level(score float64) string {
	switch {
	case score < 0.4:
		return "LOW"
	case score < 0.8:
		return "MEDIUM"
	}
	return "HIGH"
}

// minutes rounds as ON24 does: to whole minutes, but anything above none is at least one.
func minutes(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return max(1, int64(d.Round(time.Minute)/time.Minute))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func count(happened bool) int64 {
	if happened {
		return 1
	}
	return 0
}

// attendee is a visitor's record as of v.seenTo. What counted says is whether the score, the surveys and the calls
// to action are in it, which ON24 works out later.
func (w *on24World) attendee(g registration, v *visit, counted bool) []byte {
	p, e, r := &w.people[g.person], g.event, &w.writer
	var liveTime, replayTime time.Duration
	asked, polled, downloaded := v.by(v.asked), v.by(v.polled), v.by(v.downloaded)
	surveyed, clicked, score := false, false, 4*g.score
	if counted {
		surveyed, clicked = v.by(v.surveyed), v.by(v.clicked)
		score += float64(count(asked) + count(polled) + 2*count(surveyed) + count(downloaded) + count(v.by(v.replayEnd)))
	}
	r.reset()
	r.text("email", p.email)
	r.int("clientid", w.client)
	r.int("eventid", e.id)
	r.int("eventuserid", g.user)
	if p.external != "" {
		r.text("exteventusercd", p.external)
	}
	r.text("userstatus", g.status())
	r.flag("isblocked", g.score > 0.998)
	r.float("engagementscore", min(10, score))
	if v.live() {
		left := earlier(v.leave, v.seenTo)
		liveTime = left.Sub(v.join)
		r.int("liveminutes", minutes(liveTime))
		r.int("liveviewed", 1+count(g.score > 0.9))
		r.time("firstliveactivity", v.join)
		r.time("lastliveactivity", left)
	}
	if v.by(v.replayEnd) {
		replayTime = v.replayEnd.Sub(v.replayed)
		last, viewed := v.replayEnd, int64(1)
		if v.by(v.secondReplay) {
			replayTime, last, viewed = replayTime+7*time.Minute, v.secondReplay, 2
		}
		r.int("archiveminutes", minutes(replayTime))
		r.int("archiveviewed", viewed)
		r.time("firstarchiveactivity", v.replayed)
		r.time("lastarchiveactivity", last)
	}
	r.int("askedquestions", count(asked))
	r.int("resourcesdownloaded", count(downloaded))
	r.int("answeredpolls", count(polled))
	r.int("answeredsurveys", count(surveyed))
	r.int("answeredsurveyquestions", count(surveyed))
	r.text("launchmode", "Watching remote")
	if asked {
		r.open("questions", '[')
		r.open("", '{')
		w.asked(v)
		if v.answered && v.by(v.asked.Add(answerTime)) {
			w.answer(g, v)
		}
		r.close('}')
		r.close(']')
	}
	if polled {
		w.poll(g, v)
	}
	if downloaded {
		r.open("resources", '[')
		r.open("", '{')
		r.int("resourceid", 7700001+int64(e.number))
		r.text("resourceviewed", "Slides")
		r.time("resourceviewedtimestamp", v.downloaded)
		r.close('}')
		r.close(']')
	}
	if surveyed {
		w.survey(g, v)
	}
	if clicked {
		r.open("calltoactions", '[')
		r.open("", '{')
		r.text("ctaid", strconv.FormatInt(83970001+int64(e.number), 10))
		r.text("ctaname", "Book demo")
		r.text("clicks", strconv.Itoa(1+int(g.score*4)))
		r.text("action", "https://www.example.com")
		r.time("date", v.clicked)
		r.close('}')
		r.close(']')
	}
	r.text("userprofileurl", "https://example.invalid/lead")
	r.text("campaigncode", e.campaign)
	r.int("sourceeventid", e.id)
	r.int("cumulativeliveminutes", minutes(liveTime))
	r.int("cumulativearchiveminutes", minutes(replayTime))
	r.text("partnerref", g.source())
	if v.by(v.liked) {
		r.open("reactions", '[')
		r.open("", '{')
		r.text("type", "like")
		r.int("timefromstart", int64(v.liked.Sub(e.start)/time.Minute))
		r.time("datetime", v.liked)
		r.close('}')
		r.close(']')
	}
	r.int("livemediaplayerminutes", max(0, minutes(liveTime)-1))
	r.int("archivemediaplayerminutes", max(0, minutes(replayTime)-1))
	return r.bytes()
}

func (w *on24World) poll(g registration, v *visit) {
	r, answer := &w.writer, 1+int64(g.score*4)
	r.open("polls", '[')
	r.open("", '{')
	r.int("pollid", 6600001+int64(g.event.number))
	r.time("pollsubmittedtimestamp", v.polled)
	r.int("pollquestionid", 6610001+int64(g.event.number))
	r.text("pollquestion", "Team size?")
	sizeText := sizes[answer-1]
	r.texts("pollanswers", []string{sizeText})
	r.open("pollanswersdetail", '[')
	r.open("", '{')
	r.text("answercode", "choice"+strconv.FormatInt(answer, 10))
	r.text("answer", sizeText)
	r.close('}')
	r.close(']')
	r.close('}')
	r.close(']')
}

func (w *on24World) survey(g registration, v *visit) {
	r := &w.writer
	r.open("surveys", '[')
	r.open("", '{')
	r.text("surveyid", strconv.FormatInt(g.event.id, 10)+"_survey1")
	r.time("surveysubmittedtimestamp", v.surveyed)
	r.open("surveyquestions", '[')
	r.open("", '{')
	r.int("surveyquestionid", 9900001+int64(g.event.number))
	r.text("surveyquestion", "Useful?")
	r.text("questioncode", "110")
	r.texts("surveyanswers", []string{[]string{"Yes", "Partly, \"maybe\"", "No"}[int(g.score*3)]})
	r.close('}')
	r.close(']')
	r.close('}')
	r.close(']')
}

func (w *on24World) userQuestion(g registration, v *visit, answered bool) []byte {
	p, r := &w.people[g.person], &w.writer
	r.reset()
	r.int("eventid", g.event.id)
	r.int("clientid", w.client)
	r.int("eventuserid", g.user)
	w.asked(v)
	r.text("firstname", p.first)
	r.text("lastname", p.last)
	r.text("email", p.email)
	if answered {
		w.answer(g, v)
	}
	return r.bytes()
}

func (w *on24World) asked(v *visit) {
	w.writer.int("questionid", v.questionID)
	w.writer.time("createtimestamp", v.asked)
	w.writer.text("content", v.question)
}

func (w *on24World) answer(g registration, v *visit) {
	r := &w.writer
	r.open("answer", '{')
	r.time("createtimestamp", v.asked.Add(answerTime))
	r.text("content", "Yes, \"within a day\".\nSee the resources.")
	r.int("presenterid", g.event.presenterID)
	r.text("presentername", g.event.presenter)
	r.text("privacy", "Private")
	r.close('}')
}

func (w *on24World) lead(a activity, before int) []byte {
	p, r := &w.people[a.person], &w.writer
	r.reset()
	r.text("email", p.email)
	r.texts("businessinterests", p.interest)
	r.text("engagementlevel", level(math.Min(1, float64(before)/4)))
	r.text("engagementprediction", level(float64(a.person%10)/10))
	r.text("userprofileurl", "https://example.invalid/lead")
	r.texts("segments", p.segments)
	return r.bytes()
}
