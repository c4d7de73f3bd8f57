package vendortest

import (
	"strconv"
	"strings"
)

// person is somebody who signs up for webinars. The same person may sign up for several.
type person struct {
	first, last, email, username, company, title, function, industry, size, city, state, zip, country, phone, ip string
	// external is the person's identity in the customer's own systems; many have none.
	external string
	interest []string
	segments []string
}

// The values hold what breaks careless readers: quotes, backslashes, line breaks, other scripts, emoji, empty strings.
var (
	firstNames = []string{"Mia", "José", "Zoë", "Łukasz", "李", "Anne \"Annie\"", "Oluwaseun", "Siân", "Björn", "Priya", "D'Arcy", "Noor", "Chloe", "Иван", "Kai", "María José"}
	lastNames  = []string{"Stone", "O'Brien", "Müller", "Núñez", "王", "van der Berg", "Smith-Jones", "Ångström", "Okonkwo", "Patel", "de\tSouza", "Петров", "Kim", "Yılmaz"}
	companies  = []string{"Acme", "Müller & Söhne GmbH", "Globex \\ Initech", "\"Quoted\" Ltd", "株式会社サンプル", "Umbrella", "Hooli", "Stark <Industries>", ""}
	jobTitles  = []string{"Analyst", "VP, Sales", "Head of R&D", "Directeur général", "PM", "", "Data Engineer\n(contract)"}
	functions  = []string{"Analyst", "Marketing", "Engineering", "Sales"}
	industries = []string{"Software", "Healthcare", "Finance", "Public sector"}
	sizes      = []string{"1 - 49", "50 - 199", "200 - 999", "1000+"}
	cities     = [][4]string{{"Leeds", "", "LS1 1AA", "United Kingdom"}, {"São Paulo", "SP", "01000-000", "Brazil"}, {"Kraków", "", "30-001", "Poland"}, {"Austin", "TX", "73301", "United States"}, {"東京", "", "100-0001", "Japan"}, {"", "", "", "United States"}}
	interests  = []string{"cloud", "data", "security", "AI & ML"}
	segments   = []string{"EMEA", "AMER", "APAC", "key accounts"}
)

// people makes n persons, each with an email address of its own.
func people(seed uint64, n int) []person {
	d := newDice(seed, 1)
	made := make([]person, n)
	for i := range made {
		place := pick(d, cities)
		number := strconv.Itoa(i)
		p := person{
			first: pick(d, firstNames), last: pick(d, lastNames), company: pick(d, companies), title: pick(d, jobTitles),
			function: pick(d, functions), industry: pick(d, industries), size: pick(d, sizes),
			city: place[0], state: place[1], zip: place[2], country: place[3],
			email:    "attendee" + number + "@" + pick(d, []string{"example.com", "example.org", "sub.example.net"}),
			username: "user" + number,
			phone:    "+44 113 555 " + strings.Repeat("0", max(0, 4-len(number))) + number,
			ip:       "203.0.113." + strconv.Itoa(d.IntN(256)),
		}
		if d.chance(0.6) {
			p.external = "0013x00" + number + "abc"
		}
		if d.chance(0.5) {
			p.interest = []string{pick(d, interests)}
		}
		if d.chance(0.4) {
			p.segments = []string{pick(d, segments), pick(d, segments)}
		}
		made[i] = p
	}
	return made
}
