package awscloud_test

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// unmodelled are members of a configuration that the port knows nothing of:
// all have to be in what is written back.
var unmodelled = []string{
	"<CallerReference>first</CallerReference>", "<DefaultRootObject>index.html</DefaultRootObject>", "<WebACLId>acl</WebACLId>",
	"<PriceClass>PriceClass_100</PriceClass>", "<HttpVersion>http2and3</HttpVersion>", "<HeaderName>X-Secret</HeaderName>",
	"<OriginReadTimeout>17</OriginReadTimeout>", "<FieldLevelEncryptionId>fle</FieldLevelEncryptionId>",
	"<RealtimeLogConfigArn>arn:logs</RealtimeLogConfigArn>", "<Forward>whitelist</Forward>", "<Name>session</Name>", "<RestrictionType>whitelist</RestrictionType>",
	"<ACMCertificateArn>arn:certificate</ACMCertificateArn>", "<Bucket>logs.s3.amazonaws.com</Bucket>", "<ResponsePagePath>/oops.html</ResponsePagePath>",
}

const oldDistribution = `<Distribution><Id>E1</Id><ARN>arn:E1</ARN><Status>Deployed</Status><DomainName>d1.cloudfront.net</DomainName><DistributionConfig>
<CallerReference>first</CallerReference><Aliases><Quantity>1</Quantity><Items><CNAME>v.example.com</CNAME></Items></Aliases><DefaultRootObject>index.html</DefaultRootObject>
<Origins><Quantity>2</Quantity><Items>
<Origin><Id>s3</Id><DomainName>lib.s3-eu-west-1.amazonaws.com</DomainName><OriginPath>/out</OriginPath><CustomHeaders><Quantity>0</Quantity></CustomHeaders>
<S3OriginConfig><OriginAccessIdentity>origin-access-identity/cloudfront/E9</OriginAccessIdentity></S3OriginConfig></Origin>
<Origin><Id>own</Id><DomainName>o.example.com</DomainName><OriginPath></OriginPath><CustomHeaders><Quantity>1</Quantity><Items><OriginCustomHeader><HeaderName>X-Secret</HeaderName><HeaderValue>s</HeaderValue></OriginCustomHeader></Items></CustomHeaders>
<CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort><OriginProtocolPolicy>https-only</OriginProtocolPolicy><OriginSslProtocols><Quantity>1</Quantity><Items><SslProtocol>TLSv1.2</SslProtocol></Items></OriginSslProtocols><OriginReadTimeout>17</OriginReadTimeout></CustomOriginConfig></Origin>
</Items></Origins>
<OriginGroups><Quantity>1</Quantity><Items><OriginGroup><Id>both</Id><FailoverCriteria><StatusCodes><Quantity>1</Quantity><Items><StatusCode>500</StatusCode></Items></StatusCodes></FailoverCriteria><Members><Quantity>2</Quantity><Items><OriginGroupMember><OriginId>own</OriginId></OriginGroupMember><OriginGroupMember><OriginId>s3</OriginId></OriginGroupMember></Items></Members></OriginGroup></Items></OriginGroups>
<DefaultCacheBehavior><TargetOriginId>both</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy><FieldLevelEncryptionId>fle</FieldLevelEncryptionId>
<TrustedKeyGroups><Enabled>true</Enabled><Quantity>2</Quantity><Items><KeyGroup>k2</KeyGroup><KeyGroup>k1</KeyGroup></Items></TrustedKeyGroups>
<ForwardedValues><QueryString>true</QueryString><Cookies><Forward>whitelist</Forward><WhitelistedNames><Quantity>1</Quantity><Items><Name>session</Name></Items></WhitelistedNames></Cookies></ForwardedValues><MinTTL>1</MinTTL><DefaultTTL>2</DefaultTTL><MaxTTL>3</MaxTTL>
<FunctionAssociations><Quantity>1</Quantity><Items><FunctionAssociation><FunctionARN>arn:f</FunctionARN><EventType>viewer-request</EventType></FunctionAssociation></Items></FunctionAssociations>
<LambdaFunctionAssociations><Quantity>2</Quantity><Items><LambdaFunctionAssociation><LambdaFunctionARN>arn:l</LambdaFunctionARN><EventType>origin-request</EventType></LambdaFunctionAssociation><LambdaFunctionAssociation><LambdaFunctionARN>arn:k</LambdaFunctionARN><EventType>origin-response</EventType></LambdaFunctionAssociation></Items></LambdaFunctionAssociations>
</DefaultCacheBehavior>
<CacheBehaviors><Quantity>1</Quantity><Items><CacheBehavior><PathPattern>media/*</PathPattern><TargetOriginId>s3</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy><RealtimeLogConfigArn>arn:logs</RealtimeLogConfigArn>
<ForwardedValues><QueryString>false</QueryString><Cookies><Forward>none</Forward></Cookies><Headers><Quantity>1</Quantity><Items><Name>*</Name></Items></Headers></ForwardedValues><MinTTL>7</MinTTL></CacheBehavior></Items></CacheBehaviors>
<CustomErrorResponses><Quantity>1</Quantity><Items><CustomErrorResponse><ErrorCode>404</ErrorCode><ResponsePagePath>/oops.html</ResponsePagePath><ResponseCode>200</ResponseCode><ErrorCachingMinTTL>300</ErrorCachingMinTTL></CustomErrorResponse></Items></CustomErrorResponses>
<Comment>mine</Comment><Logging><Enabled>true</Enabled><IncludeCookies>false</IncludeCookies><Bucket>logs.s3.amazonaws.com</Bucket><Prefix></Prefix></Logging><PriceClass>PriceClass_100</PriceClass><Enabled>true</Enabled>
<ViewerCertificate><ACMCertificateArn>arn:certificate</ACMCertificateArn><SSLSupportMethod>sni-only</SSLSupportMethod></ViewerCertificate>
<Restrictions><GeoRestriction><RestrictionType>whitelist</RestrictionType><Quantity>1</Quantity><Items><Location>DE</Location></Items></GeoRestriction></Restrictions>
<WebACLId>acl</WebACLId><HttpVersion>http2and3</HttpVersion><IsIPV6Enabled>true</IsIPV6Enabled><ConnectionMode>tenant-only</ConnectionMode></DistributionConfig></Distribution>`

func old(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("ETag", "E2QWRUHAPOMQZL")
	io.WriteString(w, oldDistribution)
}

func TestConfigurationMapping(t *testing.T) {
	c, _ := account(t, old)
	d, err := c.CDN().Configuration(t.Context(), "E1")
	if err != nil {
		t.Fatal(err)
	}
	none := cloud.Selection{Mode: "none"}
	want := cloud.DistributionConfig{
		ID: "E1", ARN: "arn:E1", Domain: "d1.cloudfront.net", ETag: "E2QWRUHAPOMQZL", Deployed: true, Enabled: true, Comment: "mine",
		Aliases: []string{"v.example.com"}, MultiTenant: true,
		Origins: []cloud.Origin{
			{ID: "s3", Domain: "lib.s3-eu-west-1.amazonaws.com", Path: "/out", Bucket: "lib", Region: "eu-west-1", Legacy: "origin-access-identity/cloudfront/E9"},
			{ID: "own", Domain: "o.example.com", Custom: &cloud.CustomOrigin{HTTPPort: 80, HTTPSPort: 443, Protocol: "https-only"}},
		},
		Groups: []cloud.OriginGroup{{ID: "both", Members: []string{"own", "s3"}}},
		Behaviors: []cloud.Behavior{
			{Pattern: "media/*", Origin: "s3", ViewerProtocol: "allow-all", Cache: cloud.CachePolicy{Query: none, Headers: cloud.Selection{Mode: "all"}, Cookies: none}},
			{
				Origin: "both", ViewerProtocol: "allow-all", KeyGroups: []string{"k1", "k2"}, Functions: []string{"arn:f", "arn:k", "arn:l"},
				Cache: cloud.CachePolicy{
					Min: time.Second, Default: 2 * time.Second, Max: 3 * time.Second, Query: cloud.Selection{Mode: "all"}, Headers: none,
					Cookies: cloud.Selection{Mode: "whitelist", Names: []string{"session"}},
				},
			},
		},
		Errors: []cloud.ErrorResponse{{Status: 404, CacheFor: 5 * time.Minute, Page: "/oops.html", Answer: "200"}},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("Configuration =\n%+v, want\n%+v", d, want)
	}
	if o := d.Origin("both"); o == nil || o.ID != "own" {
		t.Errorf("the group's origin is %+v", o)
	}
}

// TestConfigureKeeps is of a change that leaves alone all that is not modelled.
func TestConfigureKeeps(t *testing.T) {
	c, f := account(t, old)
	d, err := c.CDN().Configuration(t.Context(), "E1")
	if err != nil {
		t.Fatal(err)
	}
	d.Behaviors[0].Smooth, d.Behaviors[1].Smooth = true, true
	d.Behaviors[1].Functions = []string{"arn:k"}
	d.MultiTenant = false
	d.Origins[0].Access, d.Origins[0].Legacy = "EAC", ""
	d.Errors[0].CacheFor = 0
	if _, err := c.CDN().Configure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	put := f.last()
	if put.Method != http.MethodPut || put.Header.Get("If-Match") != "E2QWRUHAPOMQZL" {
		t.Errorf("Configure asks %s with If-Match %q", put.Method, put.Header.Get("If-Match"))
	}
	for _, part := range append(unmodelled,
		"<SmoothStreaming>true</SmoothStreaming>", "<ConnectionMode>direct</ConnectionMode>", "<OriginAccessControlId>EAC</OriginAccessControlId>",
		"<OriginAccessIdentity></OriginAccessIdentity>", "<LambdaFunctionARN>arn:k</LambdaFunctionARN>", "<ErrorCachingMinTTL>0</ErrorCachingMinTTL>",
		"<MinTTL>7</MinTTL>", "<DefaultTTL>2</DefaultTTL>", "<FailoverCriteria><StatusCodes><Items><StatusCode>500</StatusCode></Items>",
	) {
		if !strings.Contains(put.body, part) {
			t.Errorf("%s is not in what is written: %s", part, put.body)
		}
	}
	for _, part := range []string{">arn:f<", ">arn:l<"} {
		if strings.Contains(put.body, part) {
			t.Errorf("%s is in what is written", part)
		}
	}
}

// TestConfigureNamesWhatUpdatesNeed is of what is new in a distribution: the
// service refuses an update that leaves its members out.
func TestConfigureNamesWhatUpdatesNeed(t *testing.T) {
	for _, tenants := range []bool{false, true} {
		c, f := account(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", "E2QWRUHAPOMQZL")
			text := oldDistribution
			if !tenants {
				text = strings.ReplaceAll(text, "<ConnectionMode>tenant-only</ConnectionMode>", "")
			}
			io.WriteString(w, text)
		})
		d, err := c.CDN().Configuration(t.Context(), "E1")
		if err != nil {
			t.Fatal(err)
		}
		d.Origins = append(d.Origins, cloud.Origin{ID: "bucket", Bucket: "out", Region: "eu-west-1", Access: "EAC"},
			cloud.Origin{ID: "server", Domain: "new.example.com", Custom: &cloud.CustomOrigin{HTTPPort: 80, HTTPSPort: 443, Protocol: "https-only"}})
		d.Behaviors = slices.Insert(d.Behaviors, 0, cloud.Behavior{Pattern: "watch/*", Origin: "bucket", ViewerProtocol: "allow-all", Methods: []string{"GET", "HEAD", "OPTIONS"}, Cache: cloud.CachePolicy{ID: "P"}})
		if _, err := c.CDN().Configure(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		body := f.last().body
		const none = "<Quantity>0</Quantity>"
		parts := map[string][]string{
			"<PathPattern>watch/*</PathPattern>": {
				"<Compress>false</Compress>", "<FieldLevelEncryptionId></FieldLevelEncryptionId>", "<Method>OPTIONS</Method>",
				"<LambdaFunctionAssociations>" + none,
			},
			"<Id>bucket</Id>": {"<OriginPath></OriginPath>", "<CustomHeaders>" + none},
			"<Id>server</Id>": {
				"<OriginPath></OriginPath>", "<CustomHeaders>" + none, "<OriginReadTimeout>30</OriginReadTimeout>", "<OriginKeepaliveTimeout>5</OriginKeepaliveTimeout>",
			},
		}
		for which, members := range parts {
			i := strings.Index(body, which)
			if i < 0 {
				t.Fatalf("%s is not in what is written: %s", which, body)
			}
			element := around(body, i)
			for _, m := range members {
				if !strings.Contains(element, m) {
					t.Errorf("%s lacks %s: %s", which, m, element)
				}
			}
			if which == "<PathPattern>watch/*</PathPattern>" && strings.Contains(element, "<SmoothStreaming>false</SmoothStreaming>") == tenants {
				t.Errorf("with tenants %v, a new behaviour is %s", tenants, element)
			}
		}
	}
}

// around is the Origin or the CacheBehavior that has a place in a document.
func around(body string, at int) string {
	begin := max(strings.LastIndex(body[:at], "<Origin>"), strings.LastIndex(body[:at], "<CacheBehavior>"))
	rest := body[begin:]
	end := len(rest)
	for _, tag := range []string{"</Origin>", "</CacheBehavior>"} {
		if i := strings.Index(rest, tag); i >= 0 {
			end = min(end, i)
		}
	}
	return rest[:end]
}

func TestConfigureRefuses(t *testing.T) {
	c, f := account(t, old)
	d, err := c.CDN().Configuration(t.Context(), "E1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(d *cloud.DistributionConfig)
		kind   error
		want   string
	}{
		{"another version", func(d *cloud.DistributionConfig) { d.ETag = "EOLD" }, cloud.ErrPrecondition,
			"UpdateDistribution distribution E1: precondition failed: it is at version E2QWRUHAPOMQZL, and the change is of version EOLD"},
		{"another group", func(d *cloud.DistributionConfig) { d.Groups[0].Members = nil }, cloud.ErrInvalid,
			"UpdateDistribution distribution E1: invalid: origin groups are not changed by this program: change them in the console"},
		{"a function more", func(d *cloud.DistributionConfig) { d.Behaviors[0].Functions = []string{"arn:new"} }, cloud.ErrInvalid,
			`UpdateDistribution distribution E1: invalid: behaviour "media/*": the function arn:new is not there already: functions are only taken away`},
		{"times of its own", func(d *cloud.DistributionConfig) { d.Behaviors[0].Cache.Max = time.Hour }, cloud.ErrInvalid,
			`UpdateDistribution distribution E1: invalid: behaviour "media/*": times and keys of its own are not changed: name a cache policy`},
	} {
		bad := d.Clone()
		tt.change(&bad)
		_, err := c.CDN().Configure(t.Context(), bad)
		wantError(t, tt.name, err, tt.kind, tt.want)
	}
	if m := f.last().Method; m != http.MethodGet {
		t.Errorf("a %s was sent", m)
	}
}

// TestConfigureReplacesOwnCaching is of a cache policy for a behaviour that has
// times and keys of its own: the service refuses both.
func TestConfigureReplacesOwnCaching(t *testing.T) {
	c, f := account(t, old)
	d, err := c.CDN().Configuration(t.Context(), "E1")
	if err != nil {
		t.Fatal(err)
	}
	d.Behaviors[0].Cache, d.Behaviors[1].Cache = cloud.CachePolicy{ID: "P1"}, cloud.CachePolicy{ID: "P2"}
	if _, err := c.CDN().Configure(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	body := f.last().body
	for _, part := range []string{"<CachePolicyId>P1</CachePolicyId>", "<CachePolicyId>P2</CachePolicyId>"} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in what is written: %s", part, body)
		}
	}
	for _, part := range []string{"ForwardedValues", "<MinTTL>", "<DefaultTTL>", "<MaxTTL>"} {
		if strings.Contains(body, part) {
			t.Errorf("%s is in what is written: %s", part, body)
		}
	}
}

// TestConfigureRaces is of a service whose distribution changes between our
// read and our write.
func TestConfigureRaces(t *testing.T) {
	for code, status := range map[string]int{"PreconditionFailed": http.StatusPreconditionFailed, "InvalidIfMatchVersion": http.StatusBadRequest} {
		c, _ := account(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				old(w, r)
				return
			}
			w.WriteHeader(status)
			io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>`+code+`</Code><Message>m</Message></Error></ErrorResponse>`)
		})
		d, err := c.CDN().Configuration(t.Context(), "E1")
		if err != nil {
			t.Fatal(err)
		}
		d.Behaviors[0].Smooth = true
		if _, err = c.CDN().Configure(t.Context(), d); !errors.Is(err, cloud.ErrPrecondition) {
			t.Errorf("Configure answered with %s = %v, want %v", code, err, cloud.ErrPrecondition)
		}
	}
}

// TestHeadersPolicyTakesOver is of a new policy made of one with more in it.
func TestHeadersPolicyTakesOver(t *testing.T) {
	c, f := account(t, func(w http.ResponseWriter, r *http.Request) {
		const base = `<ResponseHeadersPolicy><Id>P1</Id><ResponseHeadersPolicyConfig><Name>base</Name><SecurityHeadersConfig><FrameOptions><Override>true</Override><FrameOption>DENY</FrameOption></FrameOptions></SecurityHeadersConfig>
<ServerTimingHeadersConfig><Enabled>true</Enabled><SamplingRate>5</SamplingRate></ServerTimingHeadersConfig></ResponseHeadersPolicyConfig></ResponseHeadersPolicy>`
		switch {
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, strings.ReplaceAll(base, "P1", "P2"))
		case strings.HasSuffix(r.URL.Path, "/P1"):
			io.WriteString(w, base)
		default:
			io.WriteString(w, `<ResponseHeadersPolicyList><MaxItems>100</MaxItems><Quantity>0</Quantity></ResponseHeadersPolicyList>`)
		}
	})
	id, err := c.CDN().EnsureHeadersPolicy(t.Context(), "P1", cloud.HeadersPolicy{Name: "new", Set: []cloud.Header{{Name: "Cache-Control", Value: "max-age=1"}}})
	if err != nil || id != "P2" {
		t.Fatalf("EnsureHeadersPolicy = %q, %v", id, err)
	}
	for _, part := range []string{"<FrameOption>DENY</FrameOption>", "<SamplingRate>5", "<Name>new</Name>", "<Value>max-age=1</Value>"} {
		if !strings.Contains(f.last().body, part) {
			t.Errorf("%s is not in what is made: %s", part, f.last().body)
		}
	}
}
