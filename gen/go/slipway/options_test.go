package slipway

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestOptionsThatCannotBe(t *testing.T) {
	source := func(context.Context, string) (string, error) { return "", nil }
	for want, options := range map[string]Options{
		"http:// or https://":    {URL: "localhost:8080"},
		"name a host":            {URL: "https://"},
		"must be like https":     {URL: "http://user:hunter2@%zz"},
		"no user, query":         {URL: "https://user:hunter2@example.com"},
		"a token belongs":        {URL: "https://example.com?token=hunter2"},
		"both set":               {URL: "https://example.com", Token: "hunter2", TokenSource: source},
		"TLS has no effect":      {URL: "https://example.com", HTTPClient: http.DefaultClient, TLS: &tls.Config{}},
		"0 is for 30 seconds":    {URL: "https://example.com", Timeout: -time.Second},
		"none of Connect, GRPC":  {URL: "https://example.com", Protocol: 7},
		"and name a host":        {},
		"begin with http:// or ": {URL: "ftp://example.com"},
	} {
		_, err := Open(options)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", options.URL, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a secret is told: %v", err)
		}
	}
}

func TestAURLMayHaveAPath(t *testing.T) {
	conn, err := Open(Options{URL: "https://example.com/slipway/"})
	if err != nil || conn.URL() != "https://example.com/slipway" {
		t.Errorf("%v, %v", conn.URL(), err)
	}
}

func TestTheHTTPClientOfTheCallerStaysAsItIs(t *testing.T) {
	own := &http.Client{Timeout: time.Minute}
	conn, err := Open(Options{URL: "https://example.com", HTTPClient: own})
	if err != nil {
		t.Fatal(err)
	}
	if own.CheckRedirect != nil || conn.HTTP() == own || conn.HTTP().Timeout != time.Minute {
		t.Error("it was changed, or is not used")
	}
}
