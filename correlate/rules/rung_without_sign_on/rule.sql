WITH doubtful AS (
  SELECT a.event_id
  FROM anchor a
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.operator_id = a.operator_id
            AND s.kind IN ('SIGN_ON', 'SIGN_OFF') AND NOT s.training AND NOT s.test
            AND s.event_us >= a.event_us - 86400000000 AND s.event_us < a.event_us
  WHERE NOT a.training AND NOT a.test
  GROUP BY a.event_id
  HAVING max(CASE WHEN s.register_id = a.register_id AND s.kind = 'SIGN_OFF' THEN s.event_us END)
           >= coalesce(max(CASE WHEN s.register_id = a.register_id AND s.kind = 'SIGN_ON' THEN s.event_us END), 0)
      OR max(CASE WHEN s.register_id <> a.register_id AND s.kind = 'SIGN_ON' THEN s.event_us END)
           > coalesce(max(CASE WHEN s.register_id = a.register_id THEN s.event_us END), 0)
),
signed AS (
  SELECT a.event_id, a.tenant_id, a.store_id, a.register_id, a.operator_id, a.event_us, p.grace_seconds, s.event_id AS signed_id,
         s.kind AS signed, s.register_id AS signed_at, s.event_us AS signed_us,
         row_number() OVER (PARTITION BY a.event_id, s.register_id
                            ORDER BY s.event_us DESC, coalesce(s.sequence_no, 0) DESC, s.event_id) AS nth,
         max(CASE WHEN s.register_id = a.register_id THEN s.event_us END) OVER (PARTITION BY a.event_id) AS here_us
  FROM doubtful d
  JOIN anchor a ON a.event_id = d.event_id
  JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id
  JOIN pos s ON s.tenant_id = a.tenant_id AND s.store_id = a.store_id AND s.operator_id = a.operator_id
            AND s.kind IN ('SIGN_ON', 'SIGN_OFF') AND NOT s.training AND NOT s.test
            AND s.event_us >= a.event_us - 86400000000 AND s.event_us < a.event_us
  WHERE NOT a.training AND NOT a.test
),
over_now AS (
  SELECT event_id, tenant_id, store_id, register_id, operator_id, event_us, grace_seconds, signed_id, signed, signed_at, signed_us,
         row_number() OVER (PARTITION BY event_id ORDER BY signed_us DESC, signed_id) AS last_of_all
  FROM signed
  WHERE nth = 1
    AND ((signed = 'SIGN_OFF' AND signed_at = register_id)
         OR (signed = 'SIGN_ON' AND signed_at <> register_id AND signed_us > coalesce(here_us, 0)))
),
rung AS (
  SELECT o.event_id, count(r.event_id) AS records
  FROM over_now o
  JOIN pos r ON r.tenant_id = o.tenant_id AND r.store_id = o.store_id AND r.register_id = o.register_id
            AND r.operator_id = o.operator_id AND r.kind IN ('SALE', 'EXCHANGE', 'RETURN', 'POST_VOID', 'NO_SALE')
            AND NOT r.training AND NOT r.test AND r.event_us >= o.signed_us + o.grace_seconds * 1000000
            AND r.event_us >= o.event_us - 86400000000
            AND (r.event_us < o.event_us OR (r.event_us = o.event_us AND r.event_id < o.event_id))
  WHERE o.last_of_all = 1
  GROUP BY o.event_id
)
SELECT o.event_id AS anchor_id,
       CASE WHEN r.records > 0 THEN 'silent' ELSE 'fired' END AS outcome,
       CASE WHEN r.records > 0 THEN 'goes_on' WHEN o.signed = 'SIGN_OFF' THEN 'signed_off' ELSE 'signed_on_elsewhere' END AS why,
       o.signed_id AS members, (o.event_us - o.signed_us) / 1000000 AS seconds_before,
       CASE WHEN o.signed = 'SIGN_OFF' THEN 'off there' ELSE concat('on at register ', o.signed_at) END AS signed
FROM over_now o
LEFT JOIN rung r ON r.event_id = o.event_id
WHERE o.last_of_all = 1 AND o.event_us - o.signed_us >= o.grace_seconds * 1000000
