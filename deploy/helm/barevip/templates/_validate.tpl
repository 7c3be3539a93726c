{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/*
Refuses values that contradict each other, and a namespace that refuses the pods, with one sentence that says what to write.
The schema checks each value alone.
*/}}
{{- define "barevip.validate" -}}
{{- include "barevip.validatePodSecurity" . -}}
{{- $operator := .Values.operator -}}
{{- $election := $operator.leaderElection -}}
{{- if and (gt (int $operator.replicas) 1) (not $election.enabled) -}}
{{- fail (printf "operator.replicas is %d, but operator.leaderElection.enabled is false: replicas that all work assign one address twice. Write operator.leaderElection.enabled: true, or operator.replicas: 1" (int $operator.replicas)) -}}
{{- end -}}
{{- if and $election.leaseNamespace (not $election.enabled) -}}
{{- fail (printf "operator.leaderElection.leaseNamespace is %q, but operator.leaderElection.enabled is false, so there is no Lease. Write enabled: true, or leave leaseNamespace out" $election.leaseNamespace) -}}
{{- end -}}
{{- include "barevip.validateDuration" (dict "name" "operator.leaderElection.leaseDuration" "value" $election.leaseDuration "least" 3000 "most" 600000 "range" "3s to 10m") -}}
{{- include "barevip.validateDuration" (dict "name" "operator.leaderElection.renewDeadline" "value" $election.renewDeadline "least" 2000 "most" 600000 "range" "2s to 10m") -}}
{{- include "barevip.validateDuration" (dict "name" "operator.leaderElection.retryPeriod" "value" $election.retryPeriod "least" 1000 "most" 600000 "range" "1s to 10m") -}}
{{- $lease := include "barevip.milliseconds" $election.leaseDuration | int64 -}}
{{- $renew := include "barevip.milliseconds" $election.renewDeadline | int64 -}}
{{- $retry := include "barevip.milliseconds" $election.retryPeriod | int64 -}}
{{- if lt $lease (add $renew 1000) -}}
{{- fail (printf "operator.leaderElection.leaseDuration is %q, but renewDeadline is %q: a leader would not know that it lost the Lease before another one has it. Write at least 1s more" $election.leaseDuration $election.renewDeadline) -}}
{{- end -}}
{{- if le (mul $renew 10) (mul $retry 12) -}}
{{- fail (printf "operator.leaderElection.renewDeadline is %q, but retryPeriod is %q: there would be no second try. Write more than 1.2 times that" $election.renewDeadline $election.retryPeriod) -}}
{{- end -}}
{{- include "barevip.validateProgram" (dict "root" . "name" "operator" "values" $operator "flags" "barevip.operatorFlags" "env" (list "POD_NAME" "POD_UID" "POD_NAMESPACE")) -}}
{{- include "barevip.validateProgram" (dict "root" . "name" "node" "values" .Values.node "flags" "barevip.nodeFlags" "env" (list "NODE_NAME" "METRICS_HOST" "POD_NAMESPACE")) -}}
{{- if has (include "barevip.hostOf" $operator.metricsAddress) (list "127.0.0.1" "localhost" "::1") -}}
{{- fail (printf "operator.metricsAddress is %q, which the kubelet's probes of the pod do not reach. Write \":%s\"" $operator.metricsAddress (include "barevip.portOf" $operator.metricsAddress)) -}}
{{- end -}}
{{- with $operator.statusAddress -}}
{{- $port := include "barevip.portOf" . -}}
{{- if or (lt (int $port) 1) (gt (int $port) 65535) -}}
{{- fail (printf "operator.statusAddress is %q, but ports are 1 to 65535. Write one of them" .) -}}
{{- end -}}
{{- if eq $port (include "barevip.portOf" $operator.metricsAddress) -}}
{{- fail (printf "operator.statusAddress is %q, but operator.metricsAddress has that port. Write 127.0.0.1:8081" .) -}}
{{- end -}}
{{- end -}}
{{- if and $operator.dashboardUrl (not $operator.statusAddress) -}}
{{- fail (printf "operator.dashboardUrl is %q, but operator.statusAddress is empty, so there is no page that links to it. Write operator.statusAddress: 127.0.0.1:8081" $operator.dashboardUrl) -}}
{{- end -}}
{{- if .Values.monitoring.enabled -}}
{{- if has (include "barevip.hostOf" .Values.node.metricsAddress) (list "127.0.0.1" "localhost" "::1") -}}
{{- fail (printf "monitoring.enabled is true, but node.metricsAddress is %q, which Prometheus does not reach. Write \"node:%s\", the address of the node" .Values.node.metricsAddress (include "barevip.portOf" .Values.node.metricsAddress)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.monitoring.scrapeClass .Values.monitoring.tokenSecret -}}
{{- fail (printf "monitoring.scrapeClass is %q, but monitoring.tokenSecret is %q: a monitor has the token of one of them. Leave one out" .Values.monitoring.scrapeClass .Values.monitoring.tokenSecret) -}}
{{- end -}}
{{- if and .Values.metrics.certificateSecret (not .Values.metrics.secure) -}}
{{- fail (printf "metrics.certificateSecret is %q, but metrics.secure is false, so there is no TLS. Write metrics.secure: true" .Values.metrics.certificateSecret) -}}
{{- end -}}
{{- $known := list -}}
{{- range (.Files.Get "files/alerts.yaml" | fromYaml).groups }}{{ range .rules }}{{ $known = append $known .alert }}{{ end }}{{ end -}}
{{- range .Values.monitoring.alerts.disabled -}}
{{- if not (has . $known) -}}
{{- fail (printf "monitoring.alerts.disabled names %q, which is not an alert. Write one of %s" . (join ", " $known)) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.forward "cluster-ip") (eq .Values.node.placement "host") -}}
{{- fail "forward is \"cluster-ip\", but node.placement is \"host\", where no packet gets from IPVS to a clusterIP. Write forward: masquerade or kube-proxy, or leave node.placement out" -}}
{{- end -}}
{{- include "barevip.validateDuration" (dict "name" "node.syncPeriod" "value" .Values.node.syncPeriod "least" 1000 "most" 3600000 "range" "1s to 1h") -}}
{{- include "barevip.validateDuration" (dict "name" "node.drainTimeout" "value" .Values.node.drainTimeout "least" 0 "most" 86400000 "range" "0s to 24h") -}}
{{- range $name := list "ipvsTcpTimeout" "ipvsTcpFinTimeout" "ipvsUdpTimeout" -}}
{{- with get $.Values.node $name -}}
{{- include "barevip.validateDuration" (dict "name" (printf "node.%s" $name) "value" . "least" 1000 "most" 2073600000 "range" "1s to 576h") -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Otherwise the API server refuses the pods, and a hook runs into its deadline. */}}
{{- define "barevip.validatePodSecurity" -}}
{{- $level := include "barevip.podSecurityLevel" . -}}
{{- if has $level (list "baseline" "restricted") -}}
{{- $namespace := .Release.Namespace -}}
{{- fail (printf "Pod Security in the namespace %s enforces %q, so the API server refuses the pods of the node daemon. Allow them: kubectl label --overwrite namespace %s pod-security.kubernetes.io/enforce=privileged" $namespace $level $namespace) -}}
{{- end -}}
{{- end }}

{{/* What both programs have. */}}
{{- define "barevip.validateProgram" -}}
{{- $name := .name -}}
{{- $flags := include .flags .root | fromYaml -}}
{{- range .values.extraArgs -}}
{{- with get $flags (. | trimPrefix "--" | splitList "=" | first) -}}
{{- fail (printf "%s.extraArgs repeats the flag of the value %s, and the program refuses a flag that is given twice. Set %s instead" $name .value .value) -}}
{{- end -}}
{{- end -}}
{{- $env := .env -}}
{{- range .values.extraEnv -}}
{{- if has .name $env -}}
{{- fail (printf "%s.extraEnv sets %s, which the chart sets. Leave it out" $name .name) -}}
{{- end -}}
{{- end -}}
{{- range $label, $_ := .values.podLabels -}}
{{- if has $label (list "app.kubernetes.io/name" "app.kubernetes.io/part-of") -}}
{{- fail (printf "%s.podLabels sets %s, which the chart sets. Leave it out" $name $label) -}}
{{- end -}}
{{- end -}}
{{- $port := int (include "barevip.portOf" .values.metricsAddress) -}}
{{- if or (lt $port 1) (gt $port 65535) -}}
{{- fail (printf "%s.metricsAddress is %q, but ports are 1 to 65535. Write one of them" $name .values.metricsAddress) -}}
{{- end -}}
{{- end }}

{{- define "barevip.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- mul (int64 (regexFind "^[0-9]+" .)) (get $units (regexFind "[a-z]+$" .)) -}}
{{- end }}

{{- define "barevip.validateDuration" -}}
{{- $value := include "barevip.milliseconds" .value | int64 -}}
{{- if or (lt $value (int64 .least)) (gt $value (int64 .most)) -}}
{{- fail (printf "%s is %q, which is out of range. Write %s" .name .value .range) -}}
{{- end -}}
{{- end }}
