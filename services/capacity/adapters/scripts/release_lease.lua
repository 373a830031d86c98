-- Release the relay's lease, so that the next relay need not wait for its end.
--
-- KEYS[3] lease
-- ARGV[5] owner
-- Result  {1} when this owner had it | {0}

if lease_of(KEYS[3]) ~= ARGV[5] then return {0} end
redis.call('DEL', KEYS[3])
return {1}
