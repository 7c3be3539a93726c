{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/*
Which value sets which flag, and what the program itself takes for it. A flag is rendered where its value differs, so
that whoever patches the arguments of the plain objects repeats none: the programs refuse a flag that is given twice.
A flag without a default here is always rendered, and one with "as" is what that template makes of the value.
*/}}
{{- define "barevip.operatorFlags" -}}
adopt: {value: operator.adopt}
class: {value: classes, default: barevip.dev/barevip}
compat: {value: operator.compat, default: ""}
dashboard-url: {value: operator.dashboardUrl, default: ""}
forward: {value: forward, default: masquerade}
leader-elect: {value: operator.leaderElection.enabled}
lease-duration: {value: operator.leaderElection.leaseDuration, default: 15s}
lease-name: {value: operator.leaderElection.leaseName, default: barevip-operator}
lease-namespace: {value: operator.leaderElection.leaseNamespace, default: ""}
log-level: {value: operator.logLevel, default: info}
metrics-address: {value: operator.metricsAddress}
{{ include "barevip.secureMetricsFlags" . }}
renew-deadline: {value: operator.leaderElection.renewDeadline, default: 10s}
require-class: {value: requireClass}
retry-period: {value: operator.leaderElection.retryPeriod, default: 2s}
status-address: {value: operator.statusAddress, default: ""}
workers: {value: operator.workers, default: "8"}
{{- end }}

{{- define "barevip.secureMetricsFlags" -}}
metrics-cert-file: {value: metrics.certificateSecret, as: barevip.metricsCertificate, default: ""}
metrics-key-file: {value: metrics.certificateSecret, as: barevip.metricsKey, default: ""}
metrics-secure: {value: metrics.secure}
{{- end }}

{{- define "barevip.nodeInitFlags" -}}
bind-iface: {value: node.bindInterface}
log-level: {value: node.logLevel, default: info}
placement: {value: node.placement, default: director}
{{- end }}

{{- define "barevip.nodeFlags" -}}
{{ include "barevip.nodeInitFlags" . }}
class: {value: classes, default: barevip.dev/barevip}
drain-timeout: {value: node.drainTimeout, default: 5m}
forward: {value: forward, default: masquerade}
handover-on-stop: {value: node.handoverOnStop}
ipvs-tcp-timeout: {value: node.ipvsTcpTimeout, default: ""}
ipvs-tcpfin-timeout: {value: node.ipvsTcpFinTimeout, default: ""}
ipvs-udp-timeout: {value: node.ipvsUdpTimeout, default: ""}
metrics-address: {value: node.metricsAddress, as: barevip.nodeMetricsAddress}
{{ include "barevip.secureMetricsFlags" . }}
require-class: {value: requireClass}
scheduler: {value: node.scheduler, default: rr}
sync-period: {value: node.syncPeriod, default: 30s}
trust-endpoints-of: {value: node.trustEndpointsOf, default: ""}
{{- end }}

{{/* The arguments of one table of flags, as a YAML list. */}}
{{- define "barevip.args" -}}
{{- $args := list -}}
{{- range $flag, $spec := include .flags .root | fromYaml -}}
{{- $value := $.root.Values -}}
{{- range splitList "." $spec.value }}{{ $value = index $value . }}{{ end -}}
{{- with $spec.as }}{{ $value = include . $value }}{{ end -}}
{{- if kindIs "bool" $value -}}
{{- if $value }}{{ $args = append $args (printf "--%s" $flag) }}{{ end -}}
{{- else if or (not (hasKey $spec "default")) (ne (toString $value) (toString $spec.default)) -}}
{{- $args = append $args (printf "--%s=%v" $flag $value) -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $args (.extra | default list)) -}}
{{- end }}
