package main

import (
	"strings"
	"testing"

	"github.com/windrow-data/windrow/constructs"
	"github.com/windrow-data/windrow/functions/vendorapi"
)

func named(t *testing.T, name string) environment {
	t.Helper()
	e, err := environmentNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// answered is a target that says everything.
func answered() target {
	return target{Account: "111122223333", Region: "eu-west-1", Owner: "marketing-data", CostCenter: "4711", AlarmEmails: []string{"oncall@example.com"}}
}

func TestWhereAStackGoes(t *testing.T) {
	for name, c := range map[string]struct {
		env    string
		change func(*target)
		says   []string
	}{
		"prod with everything":   {"prod", func(*target) {}, nil},
		"prod without anything":  {"prod", func(t *target) { *t = target{} }, []string{"-c account=ACCOUNT", "-c region=REGION", "-c owner=TEAM", "-c costCenter=NUMBER", "-c alarmEmail=ADDRESS"}},
		"dev without anything":   {"dev", func(t *target) { *t = target{} }, nil},
		"an account with a name": {"dev", func(t *target) { t.Account = "marketing" }, []string{`account is "marketing": give -c account=ACCOUNT, 12 digits`}},
		"a region with a zone":   {"dev", func(t *target) { t.Region = "eu-west-1a" }, []string{`region is "eu-west-1a"`}},
		"half of where":          {"dev", func(t *target) { t.Region = "" }, []string{"only one of account and region is given"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := answered()
			c.change(&to)
			_, err := named(t, c.env).settle(to)
			if (err == nil) != (c.says == nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestEnvironmentsDifferWhereTheyShould(t *testing.T) {
	dev, staging, prod := named(t, "dev"), named(t, "staging"), named(t, "prod")
	if !prod.Explicit || staging.Explicit || dev.Explicit {
		t.Error("prod alone says where it goes")
	}
	if !dev.DisableAlarms || staging.DisableAlarms || prod.DisableAlarms {
		t.Error("all but dev have alarms")
	}
	if dev.ScheduleInterval <= prod.ScheduleInterval {
		t.Error("dev runs as often as prod")
	}
	if dev.MonthlyBudgetUSD == 0 || dev.MonthlyBudgetUSD >= staging.MonthlyBudgetUSD {
		t.Error("dev may spend as much as staging")
	}
	if dev.LogLevel >= prod.LogLevel {
		t.Error("dev logs no more than prod")
	}
}

func TestEveryEnvironmentCanBeDeployedForEveryVendor(t *testing.T) {
	for _, e := range environments() {
		for name, ready := range readyVendors {
			t.Run(e.Name+" "+name, func(t *testing.T) {
				context := map[string]string{contextVendor: name}
				if ready.account != "" {
					context[ready.account] = "90001"
				}
				vendor, err := e.vendorOf(func(key string) string { return context[key] })
				if err != nil {
					t.Fatal(err)
				}
				to, err := e.settle(answered())
				if err != nil {
					t.Fatal(err)
				}
				if vendor.Name != name {
					t.Errorf("it is the pipeline of %s", vendor.Name)
				}
				if err := e.props(vendor, to).Validate(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestAVendorThatCannotBeReadIsRefused(t *testing.T) {
	dev := named(t, "dev")
	for name, test := range map[string]struct {
		context map[string]string
		want    string
	}{
		"nobody":     {map[string]string{"vendor": "webex"}, `vendor is "webex": give -c vendor=NAME, with NAME one of gotowebinar, on24, zoom`},
		"no account": {nil, `clientId is "": give -c clientId=NUMBER, the client id that ON24 shows`},
		"no number":  {map[string]string{"clientId": "acme"}, `clientId is "acme"`},
		"another's":  {map[string]string{"vendor": "gotowebinar", "clientId": "1"}, `organizerKey is "": give -c organizerKey=NUMBER, the organizer_key`},
	} {
		if _, err := dev.vendorOf(func(key string) string { return test.context[key] }); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func TestProdKeepsWhatItHas(t *testing.T) {
	prod, dev := named(t, "prod"), named(t, "dev")
	if prod.DestroyData || !prod.TerminationProtection {
		t.Errorf("prod destroys data: %t, is protected: %t", prod.DestroyData, prod.TerminationProtection)
	}
	if named(t, "staging").DestroyData {
		t.Error("staging destroys data")
	}
	if prod.LogRetentionDays <= dev.LogRetentionDays || prod.NoncurrentVersionDays <= dev.NoncurrentVersionDays {
		t.Error("prod forgets sooner than dev")
	}
}

func TestOnlyLocalIsSimulated(t *testing.T) {
	for _, e := range environments() {
		if got, want := e.Simulated, e.Name == constructs.EnvironmentLocal; got != want {
			t.Errorf("%s is simulated: %t", e.Name, got)
		}
	}
}

func TestContextIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		env, clientID, vendorURL string
		want                     string
	}{
		"no environment":             {"", "90001", "", "no environment is chosen: give -c env=NAME, with NAME one of dev, staging, prod, local"},
		"unknown environment":        {"qa", "90001", "", `no environment "qa": give -c env=NAME, with NAME one of dev, staging, prod, local`},
		"no client id":               {"dev", "", "", `clientId is "": give -c clientId=NUMBER`},
		"client id no number":        {"prod", "90001/../1", "", `clientId is "90001/../1": give -c clientId=NUMBER`},
		"no address":                 {"local", "", "", `vendorUrl is "": give -c vendorUrl=http://HOST:PORT`},
		"address without scheme":     {"local", "", "127.0.0.1:4510", `vendorUrl is "127.0.0.1:4510"`},
		"address with a path":        {"local", "", "http://127.0.0.1:4510/v2", `vendorUrl is "http://127.0.0.1:4510/v2"`},
		"address of a real stack":    {"staging", "90001", "http://127.0.0.1:4510", "only the environment local takes one"},
		"address with a credentials": {"local", "", "http://user:word@127.0.0.1:4510", "vendorUrl is"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := environmentNamed(c.env)
			var vendor *vendorapi.Vendor
			if err == nil {
				vendor, err = e.vendorOf(func(key string) string { return map[string]string{"clientId": c.clientID}[key] })
			}
			if err == nil {
				err = e.simulate(e.props(vendor, target{}), c.vendorURL)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the message has several lines: %v", err)
			}
		})
	}
}
