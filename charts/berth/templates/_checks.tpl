{{/* What the schema cannot see. Each message begins with the value to change. */}}
{{- define "berth.checks" -}}
{{- $values := .Values -}}
{{- if and $values.redis.url $values.redis.existingSecret -}}
{{- fail "redis.url: give either redis.url or redis.existingSecret" -}}
{{- end -}}
{{- if $values.config.existingSecret -}}
{{- $elsewhere := dict
  "tenants" $values.tenants
  "defaults" $values.defaults
  "policy" (ne $values.policy "fifo")
  "maxQueue" (ne (int $values.maxQueue) 1000000)
  "gateway.origins" $values.gateway.origins
  "gateway.trustedProxies" $values.gateway.trustedProxies
  "gateway.insecureOpen" $values.gateway.insecureOpen -}}
{{- range $name, $set := $elsewhere -}}
{{- if $set -}}{{- fail (printf "%s: with config.existingSecret this belongs into the file of that Secret" $name) -}}{{- end -}}
{{- end -}}
{{- else if and $values.tenants (not $values.gateway.insecureOpen) -}}
{{- $keys := 0 -}}
{{- range $values.tenants -}}{{- $keys = add $keys (len (default list .keys)) -}}{{- end -}}
{{- if not $keys -}}
{{- fail "tenants: no tenant has a key, so nobody could connect; add keys, or set gateway.insecureOpen" -}}
{{- end -}}
{{- end -}}
{{- if gt (int $values.gateway.autoscaling.minReplicas) (int $values.gateway.autoscaling.maxReplicas) -}}
{{- fail "gateway.autoscaling.minReplicas: is more than maxReplicas" -}}
{{- end -}}
{{- $asked := list -}}
{{- $scaled := dict -}}
{{- if $values.monitoring.serviceMonitor.enabled }}{{ $asked = append $asked "monitoring.serviceMonitor" }}{{ end -}}
{{- range $name, $given := $values.pools -}}
{{- $pool := include "berth.pool" (dict "root" $ "name" $name "pool" $given) | fromYaml -}}
{{- $scaling := $pool.autoscaling -}}
{{- $own := or $pool.sidecar.names $pool.sidecar.attach -}}
{{- if and $own $pool.slots -}}
{{- fail (printf "pools.%s.slots: leave it out; names or attach say how many there are" $name) -}}
{{- end -}}
{{- if not (or $own $pool.slots) -}}
{{- fail (printf "pools.%s.slots: say how many sessions one pod serves at once" $name) -}}
{{- end -}}
{{- if and $own (or (gt (int $pool.replicas) 1) (ne $scaling.by "none")) -}}
{{- fail (printf "pools.%s.replicas: each pod would serve the same names or endpoints; one is the most" $name) -}}
{{- end -}}
{{- if and (eq $scaling.by "hpa") (lt (int $scaling.minReplicas) 1) -}}
{{- fail (printf "pools.%s.autoscaling.minReplicas: hpa keeps at least 1; keda scales to 0" $name) -}}
{{- end -}}
{{- if and (ne $scaling.by "none") (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- fail (printf "pools.%s.autoscaling.minReplicas: is more than maxReplicas" $name) -}}
{{- end -}}
{{- if ne $scaling.by "none" -}}
{{- if hasKey $scaled $pool.scale -}}
{{- $words := "pools.%s.label: pool %s scales on %s too; each would start workers for the same clients" -}}
{{- fail (printf $words $name (get $scaled $pool.scale) $pool.scale) -}}
{{- end -}}
{{- $_ := set $scaled $pool.scale $name -}}
{{- end -}}
{{- if eq $scaling.by "keda" }}{{ $asked = append $asked (printf "pools.%s.autoscaling.by" $name) }}{{ end -}}
{{- end -}}
{{- if and $asked $values.networkPolicy.enabled (not $values.networkPolicy.adminFrom) -}}
{{- fail (printf "networkPolicy.adminFrom: name who may reach the admin port, because %s needs it" (first $asked)) -}}
{{- end -}}
{{- end -}}
